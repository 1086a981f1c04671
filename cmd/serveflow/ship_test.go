package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// zeekLog is a log that is written and rotated as Zeek does it.
type zeekLog struct {
	t    *testing.T
	path string
	file *os.File
	n    int // rotations
}

// write appends text; the log is created where it is not there.
func (l *zeekLog) write(text string) {
	l.t.Helper()
	if l.file == nil {
		f, err := os.Create(l.path)
		if err != nil {
			l.t.Fatal(err)
		}
		l.file = f
	}
	if _, err := l.file.WriteString(text); err != nil {
		l.t.Fatal(err)
	}
}

func (l *zeekLog) rotate() {
	l.t.Helper()
	l.file.Close()
	l.file = nil
	l.n++
	if err := os.Rename(l.path, strings.TrimSuffix(l.path, ".log")+fmt.Sprintf(".2026-11-24-1%d-00-00.log", l.n)); err != nil {
		l.t.Fatal(err)
	}
}

// The log is rotated three times, the shipper killed twice, the broker restarted
// while the log grows. Every record comes at least once, keyed by uid, and each
// uid's first occurrences in the order of the log.
func TestKilledShipperLosesNothing(t *testing.T) {
	broker := kafkatest.Start(t)
	kafkatest.CreateTopic(t, broker.Addr, packetsTopic, 6, nil)
	kafkatest.CreateTopic(t, broker.Addr, packetsTopic+".dlq", 1, nil)
	records := strings.Split(strings.TrimSpace(labText(t, "lab")), "\n")
	dir := t.TempDir()
	log := &zeekLog{t: t, path: filepath.Join(dir, "serveflow.log")}
	settings := []string{"SERVEFLOW_BROKERS=" + broker.Addr, "SERVEFLOW_SHIP_ADMIN=", "SERVEFLOW_SHIP_STATE=" + filepath.Join(dir, "state.json"), "SERVEFLOW_SHIP_CHECKPOINT=100ms"}
	exe := binary(t)
	shipper := start(t, exe, settings, "ship", log.path)
	kill := func() {
		if err := shipper.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		shipper.Wait()
	}

	steps := map[int]func(){
		20: log.rotate,
		30: kill, // with records under way
		33: func() { shipper = start(t, exe, settings, "ship", log.path) },
		50: log.rotate,
		55: broker.Stop,
		60: kill, // while nothing can be written
		65: log.rotate,
		70: broker.Restart,
		75: func() { shipper = start(t, exe, settings, "ship", log.path) },
	}
	const chunks = 100
	for i := range chunks {
		if step := steps[i]; step != nil {
			step()
		}
		lines := records[i*len(records)/chunks : (i+1)*len(records)/chunks]
		if len(lines) == 0 {
			continue
		}
		text := strings.Join(lines, "\n") + "\n"
		log.write(text[:len(text)/2]) // in the middle of a line, as Zeek's buffer ends
		time.Sleep(20 * time.Millisecond)
		log.write(text[len(text)/2:])
	}
	distinct := map[string]bool{}
	for _, record := range records {
		distinct[record] = true
	}
	came := 0
	await.Within(t, 2*time.Minute, "every record", func() bool {
		came = len(shipped(t, broker.Addr))
		return came >= len(distinct)
	}, func() any { return fmt.Sprintf("%d of %d came", came, len(distinct)) })
	stop(t, shipper)
	checkShipped(t, broker.Addr, records)
	if dead := kafkatest.ReadAll(t, broker.Addr, packetsTopic+".dlq"); len(dead) > 0 {
		t.Errorf("%d dead letters, the first: %q", len(dead), dead[0].Value)
	}
}

// shipped is the distinct records of the input topic.
func shipped(t *testing.T, addr string) map[string]bool {
	seen := map[string]bool{}
	for _, m := range kafkatest.ReadAll(t, addr, packetsTopic) {
		seen[string(m.Value)] = true
	}
	return seen
}

func checkShipped(t *testing.T, addr string, records []string) {
	t.Helper()
	var decoder zeek.Decoder
	var rec zeek.Record
	want, got := map[string][]string{}, map[string][]string{}
	for _, record := range records {
		if err := decoder.Decode([]byte(record), &rec); err != nil {
			t.Fatal(err)
		}
		want[string(rec.UID)] = append(want[string(rec.UID)], record)
	}
	duplicates := 0
	seen := map[string]bool{}
	for _, m := range kafkatest.ReadAll(t, addr, packetsTopic) {
		if err := decoder.Decode(m.Value, &rec); err != nil || !bytes.Equal(rec.UID, m.Key) {
			t.Errorf("%v: key %q of %s", err, m.Key, m.Value)
		}
		if seen[string(m.Value)] {
			duplicates++
			continue
		}
		seen[string(m.Value)] = true
		got[string(m.Key)] = append(got[string(m.Key)], string(m.Value))
	}
	for uid := range want {
		if !slices.Equal(got[uid], want[uid]) {
			t.Errorf("%s: %d records, want %d, or in another order", uid, len(got[uid]), len(want[uid]))
		}
	}
	t.Logf("%d records of %d flows, %d duplicates", len(records), len(want), duplicates)
}

// Arguments and settings that cannot work are said before anything starts.
func TestShipRefusesWhatCannotWork(t *testing.T) {
	dir := t.TempDir()
	held := filepath.Join(dir, "held.json")
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, packetsTopic+".dlq"))
	exe := binary(t)
	first := start(t, exe, []string{"SERVEFLOW_BROKERS=" + addr, "SERVEFLOW_SHIP_ADMIN=", "SERVEFLOW_SHIP_STATE=" + held}, "ship", filepath.Join(dir, "a.log"))
	await.Until(t, "the first shipper's lock", func() bool { _, err := os.Stat(held + ".lock"); return err == nil })
	for _, c := range []struct {
		args, env string
		code      int
		says      []string
	}{
		{"ship", "", exitUsage, []string{"name a file, or - for standard input"}},
		{"ship " + dir, "", exitUsage, []string{dir + " is a directory", "serveflow.log"}},
		{"ship - -", "", exitUsage, []string{"- is named twice"}},
		{"ship x.log", "SERVEFLOW_SHIP_POLL=0s", exitUsage, []string{"SERVEFLOW_SHIP_POLL is 0s"}},
		{"ship x.log", "SERVEFLOW_SHIP_STATE=/proc/nowhere/s.json", exitUsage, []string{"/proc/nowhere", "SERVEFLOW_SHIP_STATE"}},
		{"ship x.log", "SERVEFLOW_SHIP_STATE=" + held, exitUsage, []string{"another shipper uses the state file " + held}},
		{"ship x.log", "SERVEFLOW_TOPIC=nowhere", exitFail, []string{"topic nowhere is missing"}},
	} {
		env := map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_SHIP_ADMIN": "", "SERVEFLOW_SHIP_STATE": filepath.Join(dir, "s.json"), "SERVEFLOW_START_TIMEOUT": "100ms"}
		if name, value, ok := strings.Cut(c.env, "="); ok {
			env[name] = value
		}
		code, _, stderr := runCommand(t, env, "", strings.Fields(c.args)...)
		for _, want := range c.says {
			if code != c.code || !strings.Contains(stderr, want) {
				t.Errorf("%s with %s: exit code %d, %q does not say %q", c.args, c.env, code, stderr, want)
			}
		}
	}
	stop(t, first)
}

// Standard input and archives are written whole, and the command ends by itself.
func TestShipEndsWithItsInput(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, packetsTopic+".dlq"))
	env := map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_SHIP_ADMIN": "", "SERVEFLOW_SHIP_STATE": filepath.Join(t.TempDir(), "s.json")}
	code, _, stderr := runCommand(t, env, twoFlows+"not a record\n", "ship", "-", "testdata/records/lab.jsonl.zst")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	want := len(labRecords(t, "lab")) + strings.Count(twoFlows, "\n")
	if got := len(kafkatest.ReadAll(t, addr, packetsTopic)); got != want {
		t.Errorf("%d records, want %d", got, want)
	}
	if got := len(kafkatest.ReadAll(t, addr, packetsTopic+".dlq")); got != 1 {
		t.Errorf("%d dead letters, want 1", got)
	}
}

// twoLoggers is a shipper of two files, between which the loggers of one sensor have split the
// records at random.
type twoLoggers struct {
	t       *testing.T
	addr    string
	files   [2]*os.File
	random  *rand.Rand
	shipper *member
}

func newTwoLoggers(t *testing.T) *twoLoggers {
	l := &twoLoggers{t: t, random: rand.New(rand.NewPCG(1, 1))}
	l.addr, _ = kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, packetsTopic+".dlq"))
	for i := range l.files {
		f, err := os.Create(filepath.Join(t.TempDir(), "serveflow.log"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		l.files[i] = f
	}
	return l
}

func (l *twoLoggers) write(records [][]byte) {
	l.t.Helper()
	for _, record := range records {
		if _, err := fmt.Fprintf(l.files[l.random.IntN(2)], "%s\n", record); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *twoLoggers) start() {
	env := []string{"SERVEFLOW_BROKERS=" + l.addr, "SERVEFLOW_SHIP_ADMIN=", "SERVEFLOW_SHIP_STATE=" + filepath.Join(l.t.TempDir(), "state.json")}
	l.shipper = start(l.t, binary(l.t), env, "ship", l.files[0].Name(), l.files[1].Name())
}

// await gives what is in the topic, once it has n records.
func (l *twoLoggers) await(n int) string {
	l.t.Helper()
	await.Until(l.t, fmt.Sprintf("%d records", n), func() bool { return len(kafkatest.ReadAll(l.t, l.addr, packetsTopic)) >= n })
	var text strings.Builder
	for _, m := range kafkatest.ReadAll(l.t, l.addr, packetsTopic) {
		text.Write(append(m.Value, '\n'))
	}
	return text.String()
}

// Shipped as a backlog, two loggers' files give the labels of one file.
func TestBacklogOfTwoLoggers(t *testing.T) {
	onnxtest.Library(t)
	l, records := newTwoLoggers(t), labRecords(t, "lab")
	l.write(records)
	l.start()
	got := l.await(len(records))
	stop(t, l.shipper)
	if late := lateRecords(t, got, 40*time.Millisecond); late > 0 { // a fifth of SERVEFLOW_LATENESS
		t.Errorf("%d records are later than the files may be apart", late)
	}
	if want := replayed(t, nil, labText(t, "lab")); replayed(t, nil, got) != want {
		t.Error("other labels than of one file")
	}
}

// So they do while they are written. The loggers flush twice a second, which is the disorder:
// SERVEFLOW_LATENESS must be longer than that.
func TestTwoLoggersLive(t *testing.T) {
	onnxtest.Library(t)
	l, records := newTwoLoggers(t), labRecords(t, "lab")
	l.start()
	var decoder zeek.Decoder
	var rec zeek.Record
	from, flushed := 0, int64(0)
	for i, record := range records {
		if err := decoder.Decode(record, &rec); err != nil {
			t.Fatal(err)
		}
		if rec.TS-flushed > 500_000 {
			l.write(records[from:i])
			l.await(i)
			from, flushed = i, rec.TS
		}
	}
	l.write(records[from:])
	got := l.await(len(records))
	stop(t, l.shipper)
	if late := lateRecords(t, got, 200*time.Millisecond); late == 0 {
		t.Error("no record is late: the test shows nothing")
	}
	if late := lateRecords(t, got, time.Second); late > 0 {
		t.Errorf("%d records are more than a second late", late)
	}
	env := map[string]string{"SERVEFLOW_LATENESS": "1s"}
	if want := replayed(t, nil, labText(t, "lab"), "--bundle", toy); replayed(t, env, got, "--bundle", toy) != want {
		t.Error("other labels than of one file")
	}
}

// lateRecords is how many packet records come later than that behind their sensor's clock. It
// logs how late all of them are.
func lateRecords(t *testing.T, records string, lateness time.Duration) uint64 {
	t.Helper()
	table := flow.New(flow.Config{
		Rules:  flow.Rules{Depth: 10, Idle: 2 * time.Second, MaxAge: time.Minute, Lateness: lateness},
		Limits: flow.Limits{Flows: 1 << 20, Bytes: 1 << 30, Finished: 1 << 20}, Remember: time.Minute, Want: 10,
	})
	var decoder zeek.Decoder
	var rec zeek.Record
	for line := range strings.Lines(records) {
		if err := decoder.Decode([]byte(line), &rec); err != nil {
			t.Fatal(err)
		}
		table.Add(&rec)
	}
	counted := table.TakeLateness()
	t.Logf("late by class (%d us): %d", flow.LatenessBounds, counted.Counts)
	return counted.TooLate
}
