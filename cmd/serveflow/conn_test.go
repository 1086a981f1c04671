package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

const (
	// labConns is what a real Zeek's conn.log says of the lab's capture.
	labConns   = "testdata/records/lab-conn.jsonl.zst"
	connTask   = "service-conn"
	connTopic  = "conn"
	connLabels = "serveflow.labels.service-conn"
)

func TestGoldenConnLabels(t *testing.T) {
	got := replayed(t, nil, "", "--task", connTask, labConns)
	compare(t, filepath.Join("testdata", "golden", "lab-conn.labels.txt"), got)
}

// What a capture's connections are called is the converter's business, and what
// Zeek missed it does not know; the labels are those of Zeek's conn.log.
func TestCaptureToConnLog(t *testing.T) {
	code, records, stderr := runCommand(t, nil, "", "pcap", "--conn", "testdata/captures/lab.pcap.zst")
	if stderr = withoutSummary(t, stderr); code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, %q", code, stderr)
	}
	anonymous := func(labels string) []string {
		lines := strings.Split(regexp.MustCompile(`gap=(true|false)`).ReplaceAllString(labels, ""), "\n")
		for i, line := range lines {
			_, told, _ := strings.Cut(line, " ")
			lines[i] = strings.TrimSpace(told)
		}
		slices.Sort(lines)
		return lines
	}
	ours, zeeks := anonymous(replayed(t, nil, records, "--task", connTask)), anonymous(replayed(t, nil, "", "--task", connTask, labConns))
	if !slices.Equal(ours, zeeks) {
		t.Errorf("%d labels, not the %d of Zeek's conn.log", len(ours), len(zeeks))
	}
}

func TestConnBundleSaysWhatItReads(t *testing.T) {
	code, stdout, stderr := runCommand(t, nil, "", "bundle", "verify", filepath.Join("bundles", connTask))
	if code != exitOK || !strings.Contains(stdout, "stage conn: leaves reads conn.txt, the record of conn.log, ") {
		t.Errorf("exit code %d, %s, %s", code, stdout, stderr)
	}
}

// connLog gives the lines of the lab's conn.log.
func connLog(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, line := range recordLines(t, filepath.Join(repositoryRoot(t), labConns)) {
		lines = append(lines, string(line))
	}
	if len(lines) < 100 {
		t.Fatalf("%d lines", len(lines))
	}
	return lines
}

// others are records that make no flow of conn.log: a packet record of a uid that
// conn.log has too, its end, another log.
func others(uid string) []string {
	packet, _, _ := strings.Cut(strings.ReplaceAll(twoFlows, `"Ca"`, `"`+uid+`"`), "\n")
	end := `{"ev":"end","ts":1700000000.1,"uid":"` + uid + `","id.orig_h":"10.0.0.1","id.orig_p":1024,"id.resp_h":"10.0.0.2","id.resp_p":53,"proto":"udp","sent":1}`
	return []string{packet, end, `{"ts":1700000000.1,"uid":"` + uid + `","id.orig_h":"10.0.0.1","query":"example.org"}`}
}

var uidOf = regexp.MustCompile(`"uid":"([^"]*)"`)

// deliver writes records to a topic, keyed by uid.
func deliver(t *testing.T, addr, topic string, lines []string) {
	t.Helper()
	w := &kafka.Writer{Addr: kafka.TCP(addr), Transport: transport(t), Topic: topic, Balancer: kafka.Murmur2Balancer{}, BatchTimeout: time.Millisecond, RequiredAcks: kafka.RequireAll}
	defer w.Close()
	var all []kafka.Message
	for _, line := range lines {
		all = append(all, kafka.Message{Key: []byte(uidOf.FindStringSubmatch(line)[1]), Value: []byte(line)})
	}
	if err := w.WriteMessages(context.Background(), all...); err != nil {
		t.Fatal(err)
	}
}

// running starts `serveflow run` as startHere does, and gives its admin address once it is ready.
func running(t *testing.T, env map[string]string) (admin string, stop func()) {
	t.Helper()
	admin = freeAddress(t)
	env["SERVEFLOW_ADMIN"], env["SERVEFLOW_COMMIT_EVERY"] = admin, "20ms"
	stop = startHere(t, env)
	awaitReady(t, admin)
	return admin, stop
}

// withoutClock sorts label records and takes their wall-clock fields off.
func withoutClock(t *testing.T, records [][]byte) []string {
	t.Helper()
	var all []string
	for _, record := range records {
		var fields map[string]any
		if err := json.Unmarshal(record, &fields); err != nil {
			t.Fatalf("%v: %s", err, record)
		}
		delete(fields, "ts_label")
		delete(fields, "compute_us")
		all = append(all, fmt.Sprint(fields))
	}
	slices.Sort(all)
	return all
}

func committed(t *testing.T, addr, topic string) (sum int64) {
	for _, offset := range kafkatest.CommittedOffsets(t, addr, "serveflow.service-conn", topic) {
		sum += offset
	}
	return sum
}

// From topic to topic gives what replay gives, on any number of partitions, with
// each record twice and others between them. Other records are passed by, bad ones
// buried.
func TestRunConnFromTopicToTopic(t *testing.T) {
	conns := connLog(t)
	code, stdout, stderr := runCommand(t, nil, "", "replay", "--task", connTask, labConns)
	if code != exitOK || strings.Count(stdout, "\n") != len(conns) {
		t.Fatalf("replay: exit code %d, %d labels of %d records: %s", code, strings.Count(stdout, "\n"), len(conns), stderr)
	}
	want := withoutClock(t, bytes.Split([]byte(strings.TrimSpace(stdout)), []byte("\n")))
	foreign := others(uidOf.FindStringSubmatch(conns[0])[1])
	bad := `{"uid":"Cbad","conn_state":"SF","ts":"yesterday"}`
	sent := slices.Concat(foreign, conns[:300], []string{bad}, conns, foreign)
	for _, partitions := range []int32{1, 3} {
		addr, _ := kafkatest.Fake(t, kfake.SeedTopics(partitions, connTopic, connLabels, connTopic+".dlq"))
		admin, stop := running(t, map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_TASK": connTask, "SERVEFLOW_TOPIC": connTopic})
		deliver(t, addr, connTopic, sent)
		await.Until(t, "all committed", func() bool { return committed(t, addr, connTopic) == int64(len(sent)) })
		var got [][]byte
		for _, m := range kafkatest.ReadAll(t, addr, connLabels) {
			got = append(got, m.Value)
		}
		if labels := withoutClock(t, got); !slices.Equal(labels, want) {
			t.Errorf("%d partitions: %d labels, not the %d of replay", partitions, len(labels), len(want))
		}
		_, metrics := get(admin, "/metrics")
		for outcome, n := range map[string]int{"opened": len(conns), "late": 300, "foreign": 2 * len(foreign)} {
			if taken := metric(metrics, "serveflow_records_total", `outcome="`+outcome+`"`); taken != float64(n) {
				t.Errorf("%d partitions: %v records %s, want %d", partitions, taken, outcome, n)
			}
		}
		stop()
		if dead := kafkatest.ReadAll(t, addr, connTopic+".dlq"); len(dead) != 1 || string(dead[0].Value) != bad {
			t.Errorf("%d partitions: dead letters %v", partitions, dead)
		}
	}
}

// A member that starts again labels nothing twice, though the connections of what
// was committed come again.
func TestRestartedConnRunRelearns(t *testing.T) {
	conns := connLog(t)
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, connTopic, connLabels, connTopic+".dlq"))
	env := map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_TASK": connTask, "SERVEFLOW_TOPIC": connTopic}
	_, stop := running(t, env)
	deliver(t, addr, connTopic, append(others("Cnew"), conns[:200]...)) // a packet record makes no uid known
	await.Until(t, "all committed", func() bool { return committed(t, addr, connTopic) == 203 })
	stop()
	_, stop = running(t, env)
	fresh := uidOf.ReplaceAllString(conns[200], `"uid":"Cnew"`)
	deliver(t, addr, connTopic, append([]string{fresh}, conns[:200]...))
	await.Until(t, "all committed", func() bool { return committed(t, addr, connTopic) == 404 })
	stop()
	if labels := kafkatest.ReadAll(t, addr, connLabels); len(labels) != 201 {
		t.Errorf("%d labels of 201 connections", len(labels))
	}
}

// In packets mode records of conn.log are passed by, whatever their uid.
func TestConnLogBesidePackets(t *testing.T) {
	onnxtest.Library(t)
	conn := `{"ts":1700000000.1,"uid":"Ca","id.orig_h":"10.0.0.1","id.orig_p":1024,"id.resp_h":"10.0.0.2","id.resp_p":53,"proto":"udp","conn_state":"S0"}` + "\n"
	alone := replayed(t, nil, twoFlows, "--bundle", toy)
	if got := replayed(t, nil, conn+twoFlows+conn, "--bundle", toy); got != alone || strings.Count(got, "\n") != 2 {
		t.Errorf("got\n%swant\n%s", got, alone)
	}
	if got := replayed(t, nil, twoFlows+conn, "--task", connTask); strings.Count(got, "\n") != 1 {
		t.Errorf("one connection, got\n%s", got)
	}
}

// In what shape conn.log comes makes no difference.
func TestShapesOfConnLog(t *testing.T) {
	bare := connLog(t)
	want := replayed(t, nil, strings.Join(bare, "\n"), "--task", connTask)
	for name, shape := range map[string]func(line string) string{
		"tagged": func(line string) string { return `{"conn":` + line + `}` },
		"streaming logs": func(line string) string {
			return `{"_path":"conn","_write_ts":"2026-11-24T00:00:00.000000Z",` + line[1:]
		},
		"underscores": strings.NewReplacer("id.orig_", "id_orig_", "id.resp_", "id_resp_").Replace,
	} {
		var lines []string
		for _, line := range bare {
			lines = append(lines, shape(line))
		}
		if got := replayed(t, nil, strings.Join(lines, "\n"), "--task", connTask); got != want {
			t.Errorf("%s: other labels than of bare records", name)
		}
	}
}

func TestConnFeatureTable(t *testing.T) {
	code, stdout, stderr := runCommand(t, nil, "", "features", "--input", "conn", labConns)
	rows := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != exitOK || len(rows) != 1+len(connLog(t)) || !strings.HasPrefix(rows[0], "uid,sensor,ts_first,orig_h,orig_p,resp_h,resp_p,decided_by,proto,ip_version,orig_port,resp_port,conn_") {
		t.Errorf("exit code %d, %d rows, %q", code, len(rows), stderr)
	}
	code, stdout, _ = runCommand(t, nil, "", "features", "--input", "conn", "--names", "conn_state,proto", labConns)
	if code != exitOK || !strings.Contains(stdout, ",decided_by,conn_state,proto\n") {
		t.Errorf("exit code %d, %.200q", code, stdout)
	}
	if code, _, stderr = runCommand(t, nil, "", "features", "--input", "conns", labConns); code != exitUsage || !strings.Contains(stderr, "--input conns: choose packets or conn") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}
