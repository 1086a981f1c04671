package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/serveflow/serveflow/consumer/zeek"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

const (
	packetsTopic = "serveflow.packets"
	labelsTopic  = "serveflow.labels.service"
)

// member is one `serveflow run` in a process of its own.
type member struct {
	*exec.Cmd
	log *transcript
}

// transcript is what a process has said so far; it may be read while that still speaks.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to it.
func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}

// String is all of it.
func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// binary builds serveflow for the tests that need processes.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "serveflow")
	build := exec.Command("go", "build", "-o", path, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// start runs serveflow with the settings given, from the repository's root.
func start(t *testing.T, exe string, settings []string, args ...string) *member {
	t.Helper()
	m := &member{exec.Command(exe, args...), &transcript{}}
	m.Dir, m.Stderr, m.Stdout = repositoryRoot(t), m.log, m.log
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SERVEFLOW_") {
			m.Env = append(m.Env, variable)
		}
	}
	m.Env = append(m.Env, settings...)
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Process.Kill()
		m.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", strings.Join(args, " "), m.log)
		}
	})
	return m
}

// manifest is what was sent: for each flow the partition and offset of its first record.
type manifest map[string]place

type place struct {
	partition int
	offset    int64
}

// sent reads the manifest off the input topic.
func sent(t *testing.T, addr string) manifest {
	flows := manifest{}
	var decoder zeek.Decoder
	var rec zeek.Record
	for _, m := range kafkatest.ReadAll(t, addr, packetsTopic) {
		if err := decoder.Decode(m.Value, &rec); err != nil {
			t.Fatal(err)
		}
		if _, known := flows[string(rec.UID)]; rec.Kind == zeek.Packet && !known {
			flows[string(rec.UID)] = place{m.Partition, m.Offset}
		}
	}
	return flows
}

// labelled reads the final labels: by uid, each label record without its wall-clock fields.
func labelled(t *testing.T, addr string) map[string][]map[string]any {
	labels := map[string][]map[string]any{}
	for _, m := range kafkatest.ReadAll(t, addr, labelsTopic) {
		var fields map[string]any
		if err := json.Unmarshal(m.Value, &fields); err != nil {
			t.Fatalf("%v: %s", err, m.Value)
		}
		if string(m.Key) != fields["uid"] {
			t.Errorf("key %s of %s", m.Key, m.Value)
		}
		delete(fields, "ts_label")
		delete(fields, "compute_us")
		uid := string(m.Key)
		labels[uid] = append(labels[uid], fields)
	}
	return labels
}

// snapshot is what was committed at a moment, and who was labelled just after.
type snapshot struct {
	committed map[int]int64
	labelled  map[string][]map[string]any
}

func look(t *testing.T, addr string) snapshot {
	committed := kafkatest.CommittedOffsets(t, addr, "serveflow", packetsTopic) // first: labels only grow
	return snapshot{committed, labelled(t, addr)}
}

// Two members share six partitions of a real Kafka; one is killed halfway. Every
// flow gets its final label, duplicates are equal, and no offset is ever
// committed above what is needed.
func TestKilledMemberLosesNothing(t *testing.T) {
	broker := kafkatest.Start(t)
	for topic, partitions := range map[string]int{packetsTopic: 6, labelsTopic: 6, packetsTopic + ".dlq": 1} {
		kafkatest.CreateTopic(t, broker.Addr, topic, partitions, nil)
	}
	exe := binary(t)
	settings := []string{"SERVEFLOW_BROKERS=" + broker.Addr, "SERVEFLOW_ADMIN=", "SERVEFLOW_COMMIT_EVERY=100ms"}
	doomed, survivor := start(t, exe, settings, "run"), start(t, exe, settings, "run")
	player := start(t, exe, settings, "send", "--speed", "2", "testdata/records/lab.jsonl.zst")

	var seen []snapshot
	watch(t, 5*time.Second, 90*time.Second, &seen, broker.Addr, func(s snapshot) bool { return len(s.labelled) > 100 })
	if err := doomed.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := player.Wait(); err != nil {
		t.Fatalf("send: %v\n%s", err, player.log)
	}
	flows := sent(t, broker.Addr)
	watch(t, 0, 120*time.Second, &seen, broker.Addr, func(s snapshot) bool { return len(s.labelled) >= len(flows) })
	stop(t, survivor)
	seen = append(seen, look(t, broker.Addr))
	checkLabels(t, flows, seen[len(seen)-1].labelled)
	checkCommits(t, flows, seen)
}

// watch takes snapshots until one is as wanted, and at least for a while.
func watch(t *testing.T, atLeast, atMost time.Duration, seen *[]snapshot, addr string, enough func(snapshot) bool) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		s := look(t, addr)
		*seen = append(*seen, s)
		if enough(s) && time.Since(began) > atLeast {
			return
		}
		if time.Since(began) > atMost {
			t.Fatalf("waited %v in vain: %d flows are labelled", atMost, len(s.labelled))
		}
	}
}

// stop asks a member to drain, as an operator would.
func stop(t *testing.T, m *member) {
	t.Helper()
	if err := m.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := m.Wait(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, m.log)
	}
}

func checkLabels(t *testing.T, flows manifest, labels map[string][]map[string]any) {
	t.Helper()
	duplicates := 0
	for uid := range flows {
		if len(labels[uid]) == 0 {
			t.Errorf("%s has no final label", uid)
			continue
		}
		for _, again := range labels[uid][1:] {
			duplicates++
			if !maps.EqualFunc(labels[uid][0], again, equalJSON) {
				t.Errorf("%s is labelled twice, differently:\n%v\n%v", uid, labels[uid][0], again)
			}
		}
	}
	for uid := range labels {
		if _, ok := flows[uid]; !ok {
			t.Errorf("%s is labelled, and was not sent", uid)
		}
	}
	t.Logf("%d flows, %d duplicate labels", len(flows), duplicates)
}

func equalJSON(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// checkCommits: what lay below a committed offset was labelled by then, and
// committed offsets only moved forward.
func checkCommits(t *testing.T, flows manifest, seen []snapshot) {
	t.Helper()
	last := map[int]int64{}
	for _, s := range seen {
		for partition, offset := range s.committed {
			if offset < last[partition] {
				t.Errorf("partition %d: committed %d after %d", partition, offset, last[partition])
			}
			last[partition] = offset
		}
		for uid, at := range flows {
			if at.offset < s.committed[at.partition] && len(s.labelled[uid]) == 0 {
				t.Errorf("%s began at offset %d of partition %d, %d is committed, and it has no label", uid, at.offset, at.partition, s.committed[at.partition])
			}
		}
	}
	if len(last) == 0 {
		t.Error("nothing was ever committed")
	}
}
