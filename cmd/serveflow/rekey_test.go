package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/flow/zeek/logfile"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/needs"
)

const (
	unkeyedTopic = "zeek"
	byUIDTopic   = "zeek.by-uid"
)

// recordLines are the lines of a record file.
func recordLines(t *testing.T, name string) [][]byte {
	t.Helper()
	var lines [][]byte
	_, err := eachRecord(t.Context(), terminal{}, name, zeek.MaxRecord, func(rec logfile.Record) error {
		lines = append(lines, bytes.Clone(rec.JSON))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// labRecords are the lines of a record file of the lab.
func labRecords(t *testing.T, name string) [][]byte {
	t.Helper()
	return recordLines(t, filepath.Join(repositoryRoot(t), "testdata", "records", name+".jsonl.zst"))
}

// produceUnkeyed writes lines as a producer that does not key, in turn over the
// topic's partitions.
func produceUnkeyed(t *testing.T, addr string, lines [][]byte) {
	t.Helper()
	w := &kafka.Writer{Addr: kafka.TCP(addr), Transport: transport(t), Topic: unkeyedTopic, Balancer: &kafka.RoundRobin{}, BatchTimeout: time.Millisecond,
		BatchSize: 1000, RequiredAcks: kafka.RequireAll, Compression: kafka.Lz4}
	defer w.Close()
	all := make([]kafka.Message, len(lines))
	for i, line := range lines {
		all[i].Value = line
	}
	for len(all) > 0 {
		n := min(len(all), 6000)
		if err := w.WriteMessages(context.Background(), all[:n]...); err != nil {
			t.Fatal(err)
		}
		all = all[n:]
	}
}

// replayedLabels are the labels that replay gives a record file: by uid, without
// the wall-clock fields.
func replayedLabels(t *testing.T, file string) map[string]map[string]any {
	t.Helper()
	return replayedWith(t, nil, file)
}

// replayedWith are those with these settings.
func replayedWith(t *testing.T, env map[string]string, file string) map[string]map[string]any {
	t.Helper()
	code, stdout, stderr := runCommand(t, env, "", "replay", file)
	if code != exitOK {
		t.Fatalf("replay: exit code %d: %s", code, stderr)
	}
	labels := map[string]map[string]any{}
	for line := range strings.Lines(stdout) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		delete(fields, "ts_label")
		delete(fields, "compute_us")
		labels[fields["uid"].(string)] = fields
	}
	return labels
}

// sameAsReplayed holds the labels of a run against those of replay. Probabilities
// may differ in their last digit, because rows are computed in other batches.
func sameAsReplayed(t *testing.T, want map[string]map[string]any, got map[string][]map[string]any) {
	t.Helper()
	faults := 0
	for uid, label := range want {
		if len(got[uid]) == 0 {
			t.Errorf("%s has no label", uid)
			faults++
		}
		for _, again := range got[uid] {
			if !maps.EqualFunc(label, again, sameField) {
				t.Errorf("%s: got %v\nreplay gives %v", uid, again, label)
				faults++
			}
		}
		if faults > 5 {
			t.Fatal("and more")
		}
	}
	for uid := range got {
		if _, ok := want[uid]; !ok {
			t.Fatalf("%s is labelled, and not by replay", uid)
		}
	}
	t.Logf("%d labels are those of replay", len(want))
}

func sameField(a, b any) bool {
	x, isNumber := a.(float64)
	y, _ := b.(float64)
	if isNumber {
		return x == y || x-y < 1.5e-6 && y-x < 1.5e-6
	}
	if list, ok := a.([]any); ok {
		other, _ := b.([]any)
		if len(list) != len(other) {
			return false
		}
		for i := range list {
			if !maps.EqualFunc(list[i].(map[string]any), other[i].(map[string]any), sameField) {
				return false
			}
		}
		return true
	}
	return equalJSON(a, b)
}

// rekeyEnv are settings for both kinds of broker. The slow queue has room for
// every flow, so that no label is degraded whatever else the machine does.
func rekeyEnv(addr string) map[string]string {
	return map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_ADMIN": "", "SERVEFLOW_REKEY_ADMIN": "", "SERVEFLOW_COMMIT_EVERY": "50ms",
		"SERVEFLOW_SLOW_QUEUE": "100000", "SERVEFLOW_REKEY_FROM": unkeyedTopic}
}

// One process rekeys and runs: six partitions without keys give the labels of
// replay, and every record is forwarded, passed by or a dead letter.
func TestRunRekeysBesideItself(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(6, unkeyedTopic, byUIDTopic, labelsTopic), kfake.SeedTopics(1, unkeyedTopic+".dlq"))
	file := filepath.Join("testdata", "records", "lab.jsonl.zst")
	want, lines := replayedLabels(t, file), recordLines(t, file)
	odd := [][]byte{[]byte("no record"), []byte(`{"_path":"capture_loss","ts":1,"gaps":0}`), []byte(`{"_path":"dns","ts":1}`)}
	produceUnkeyed(t, addr, append(append(lines[:2000:2000], odd...), lines[2000:]...))

	env, admin := rekeyEnv(addr), freeAddress(t)
	env["SERVEFLOW_ADMIN"] = admin
	stop := startHere(t, env)
	await.Until(t, "every label", func() bool { return len(labelled(t, addr)) >= len(want) })
	awaitReady(t, admin)
	_, metrics := get(admin, "/metrics")
	for outcome, n := range map[string]int{"forwarded": len(lines), "passed_by": 2, "dead": 1} {
		if got := metric(metrics, "serveflow_rekey_records_total", `outcome="`+outcome+`"`); got != float64(n) {
			t.Errorf("%v records %s, want %d", got, outcome, n)
		}
	}
	stop()
	sameAsReplayed(t, want, labelled(t, addr))
	checkRekeyed(t, addr, lines)
	byPartition := map[int]string{}
	for _, m := range kafkatest.ReadAll(t, addr, byUIDTopic) {
		byPartition[m.Partition] += string(m.Value) + "\n"
	}
	for partition, records := range byPartition {
		if late := lateRecords(t, records, 40*time.Millisecond); late > 0 { // a fifth of SERVEFLOW_LATENESS
			t.Errorf("partition %d: %d records are later than partitions may be apart", partition, late)
		}
	}
	dead := kafkatest.ReadAll(t, addr, unkeyedTopic+".dlq")
	if len(dead) != 1 || string(dead[0].Value) != "no record" {
		t.Errorf("dead letters: %v", dead)
	}
}

// checkRekeyed: every record is in the keyed topic at least once, byte for byte,
// under its uid.
func checkRekeyed(t *testing.T, addr string, lines [][]byte) {
	t.Helper()
	there, again := map[string]bool{}, 0
	var decoder zeek.Decoder
	var rec zeek.Record
	for _, m := range kafkatest.ReadAll(t, addr, byUIDTopic) {
		if err := decoder.Decode(m.Value, &rec); err != nil || string(m.Key) != string(rec.UID) {
			t.Fatalf("key %q of %s: %v", m.Key, m.Value, err)
		}
		if there[string(m.Value)] {
			again++
		}
		there[string(m.Value)] = true
	}
	for _, line := range lines {
		if !there[string(line)] {
			t.Fatalf("not there: %s", line)
		}
	}
	t.Logf("%d records, %d of them twice", len(lines), again)
}

// settingsOf makes a process's environment of settings.
func settingsOf(env map[string]string) (list []string) {
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// realRecords is a file of a real Zeek's records of many captures, 26 years apart.
func realRecords(t *testing.T) string {
	t.Helper()
	return needs.SharedData(t, "zeek/service-test.flowpkt.log.zst")
}

// unkeyedBroker is a real Kafka with the lines in six partitions, without keys.
func unkeyedBroker(t *testing.T, lines [][]byte) string {
	t.Helper()
	broker := kafkatest.Start(t)
	for topic, partitions := range map[string]int{unkeyedTopic: 6, byUIDTopic: 6, labelsTopic: 6, unkeyedTopic + ".dlq": 1} {
		kafkatest.CreateTopic(t, broker.Addr, topic, partitions, nil)
	}
	produceUnkeyed(t, broker.Addr, lines)
	return broker.Addr
}

// rekeyed waits until everything is committed.
func rekeyed(t *testing.T, addr string, records int) {
	t.Helper()
	await.Within(t, 2*time.Minute, "all is committed", func() bool {
		return total(kafkatest.CommittedOffsets(t, addr, "serveflow.rekey", unkeyedTopic)) == int64(records)
	})
}

// A real Kafka: what a rekey has written, a run labels as replay labels the file.
// One follows the other, so that no flow times out by wall clock on a slow machine.
func TestRekeyThenRunIsReplay(t *testing.T) {
	onnxtest.Library(t)
	file, exe := realRecords(t), binary(t)
	want := replayedLabels(t, file)
	lines := recordLines(t, file)
	addr := unkeyedBroker(t, lines)
	env := rekeyEnv(addr)
	rekey := start(t, exe, settingsOf(env), "rekey")
	rekeyed(t, addr, len(lines))
	stop(t, rekey)
	checkRekeyed(t, addr, lines)

	delete(env, "SERVEFLOW_REKEY_FROM")
	env["SERVEFLOW_TOPIC"], env["SERVEFLOW_DEAD_LETTER_TOPIC"] = byUIDTopic, unkeyedTopic+".dlq"
	run := start(t, exe, settingsOf(env), "run")
	await.Within(t, 2*time.Minute, "every label", func() bool { return len(labelled(t, addr)) >= len(want) })
	stop(t, run)
	sameAsReplayed(t, want, labelled(t, addr))
}

// A rekey on a real Kafka is killed halfway and started again: every record is
// written at least once, and what was committed had been.
func TestKilledRekeyLosesNothing(t *testing.T) {
	file, exe := realRecords(t), binary(t)
	t.Chdir(repositoryRoot(t))
	lines := recordLines(t, file)
	addr := unkeyedBroker(t, lines)
	env := append(settingsOf(rekeyEnv(addr)), "SERVEFLOW_SESSION_TIMEOUT=6s", "SERVEFLOW_DRAIN_TIMEOUT=3s")
	doomed := start(t, exe, env, "rekey")
	await.Until(t, "some are written", func() bool { return count(t, addr, byUIDTopic) > int64(len(lines)/4) })
	if err := doomed.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	written := count(t, addr, byUIDTopic)
	committed := kafkatest.CommittedOffsets(t, addr, "serveflow.rekey", unkeyedTopic)
	checkCommitted(t, addr, committed)
	survivor := start(t, exe, env, "rekey") // it joins when the killed member's session is over
	rekeyed(t, addr, len(lines))
	stop(t, survivor)
	t.Logf("killed after %d of %d records, %d committed", written, len(lines), total(committed))
	checkRekeyed(t, addr, lines)
}

// checkCommitted: what lies below a committed offset is in the keyed topic.
func checkCommitted(t *testing.T, addr string, committed map[int]int64) {
	t.Helper()
	there := map[string]bool{}
	for _, m := range kafkatest.ReadAll(t, addr, byUIDTopic) {
		there[string(m.Value)] = true
	}
	for _, m := range kafkatest.ReadAll(t, addr, unkeyedTopic) {
		if m.Offset < committed[m.Partition] && !there[string(m.Value)] {
			t.Fatalf("%d is committed of partition %d, and offset %d is not written", committed[m.Partition], m.Partition, m.Offset)
		}
	}
}

func total(offsets map[int]int64) (sum int64) {
	for _, offset := range offsets {
		sum += offset
	}
	return sum
}

// count is how many records a topic has.
func count(t *testing.T, addr, topic string) (sum int64) {
	t.Helper()
	for partition := range 6 {
		conn, err := kafka.DialLeader(t.Context(), "tcp", addr, topic, partition)
		if err != nil {
			t.Fatal(err)
		}
		first, end, err := conn.ReadOffsets()
		conn.Close()
		if err != nil {
			t.Fatal(err)
		}
		sum += end - first
	}
	return sum
}

func TestRekeyFaultsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		args string
		says string
	}{
		"no topic":         {nil, "rekey", "serveflow rekey TOPIC, or SERVEFLOW_REKEY_FROM"},
		"two topics":       {nil, "rekey a b", `"b": one topic is taken`},
		"in and out":       {map[string]string{"SERVEFLOW_REKEY_TO": "a"}, "rekey a", "SERVEFLOW_REKEY_FROM and SERVEFLOW_REKEY_TO must differ, and both are a: "},
		"into the labels":  {map[string]string{"SERVEFLOW_REKEY_TO": labelsTopic}, "rekey a", "must differ"},
		"run, in and out":  {map[string]string{"SERVEFLOW_REKEY_TO": "a", "SERVEFLOW_BUNDLE": toy}, "run --check --rekey a", "must differ"},
		"and dead letters": {map[string]string{"SERVEFLOW_DEAD_LETTER_TOPIC": "a"}, "rekey --check a", "must differ"},
	} {
		t.Run(name, func(t *testing.T) {
			onnxtest.Library(t)
			code, _, stderr := runCommand(t, c.env, "", strings.Fields(c.args)...)
			if code != exitUsage || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d, %q does not say %q", code, stderr, c.says)
			}
		})
	}
	for missing, setting := range map[string]string{unkeyedTopic: "SERVEFLOW_REKEY_FROM", byUIDTopic: "SERVEFLOW_REKEY_TO", unkeyedTopic + ".dlq": "SERVEFLOW_DEAD_LETTER_TOPIC"} {
		there := map[string]bool{unkeyedTopic: true, byUIDTopic: true, unkeyedTopic + ".dlq": true}
		delete(there, missing)
		var seeded []string
		for topic := range there {
			seeded = append(seeded, topic)
		}
		addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, seeded...))
		env := rekeyEnv(addr)
		env["SERVEFLOW_START_TIMEOUT"] = "100ms"
		code, _, stderr := runCommand(t, env, "", "rekey")
		if says := fmt.Sprintf("topic %s is missing: create it, or name another by %s", missing, setting); code != exitFail || !strings.Contains(stderr, says) {
			t.Errorf("exit code %d, %q does not say %q", code, stderr, says)
		}
	}
}

func TestRekeyCheckConnectsToNothing(t *testing.T) {
	code, stdout, stderr := runCommand(t, map[string]string{"SERVEFLOW_BROKERS": "127.0.0.1:1"}, "", "rekey", "--check", "zeek")
	if code != exitOK || stdout != "ready to rekey: zeek -> zeek.by-uid, group serveflow.rekey\n" || stderr != "" {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}
