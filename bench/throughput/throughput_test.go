package throughput

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/serveflow/serveflow/internal/decompress"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

var (
	bench   = flag.Bool("throughput", false, "label what lies in a Kafka topic, by serveflow and by a service in Python")
	records = flag.String("records", "", "records in place of load/trace's, or of the lab's where that is not there")
	copies  = flag.Int("copies", 4, "how often they are in the topic, each time with other uids")
	profile = flag.Int("profile", 0, "in place of the comparison: so many seconds of serveflow's CPU profile, by step")
	alone   = flag.Bool("alone", false, "serveflow and nothing beside it")
	keep    = flag.String("keep", "", "file for that profile")
	bundle  = flag.String("bundle", "../../bundles/service", "folder of the bundle")
)

const partitions = 8

// Each side labels the whole topic once, in turn, with nothing else running. All that give every flow its full
// answer must agree on label, reason and packets.
func TestThroughput(t *testing.T) {
	if !*bench {
		t.Skip("on purpose: a bench of its own, make bench-throughput")
	}
	lines, from := input(t)
	broker := kafkatest.Start(t)
	kafkatest.CreateTopic(t, broker.Addr, "records", partitions, nil)
	flows, n := preload(t, broker.Addr, "records", lines, *copies)
	t.Logf("%d records of %d flows, %d times %s, in %d partitions", n, flows, *copies, from, partitions)
	sides := []side{
		{"serveflow", func(s *run) usage { return s.serveflow(*bundle) }},
		{"serveflow, slow stage alone", func(s *run) usage { return s.serveflow(slowAlone(t, *bundle)) }},
		{"Python", func(s *run) usage { return s.python(*bundle) }},
	}
	if *alone {
		sides = sides[:1]
	}
	if *profile > 0 {
		r := &run{t: t, addr: broker.Addr, labels: "labels-profile", flows: flows, profile: *profile}
		kafkatest.CreateTopic(t, broker.Addr, r.labels, partitions, nil)
		kafkatest.CreateTopic(t, broker.Addr, r.labels+".dlq", 1, nil)
		r.serveflow(*bundle)
		return
	}
	var first map[string]labelled
	fmt.Printf("| | flows/s | records/s | flows/s and CPU | us of CPU a flow | of these, once it runs | s of CPU to start | s of CPU a million records | peak memory |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for i, s := range sides {
		r := &run{t: t, addr: broker.Addr, labels: fmt.Sprintf("labels-%d", i), flows: flows}
		kafkatest.CreateTopic(t, broker.Addr, r.labels, partitions, nil)
		kafkatest.CreateTopic(t, broker.Addr, r.labels+".dlq", 1, nil)
		u := s.label(r)
		perFlow := u.cpu.Seconds() / float64(flows)
		fmt.Printf("| %s | %.0f | %.0f | %.0f | %.1f | %.1f | %.1f | %.2f | %.0f MiB |\n", s.name, float64(flows)/u.wall.Seconds(), float64(n)/u.wall.Seconds(), 1/perFlow,
			1e6*perFlow, u.running(flows), u.starting.Seconds(), u.cpu.Seconds()/float64(n)*1e6, u.memory)
		got := r.read()
		switch {
		case i == 0:
			first = got
		case s.name == "Python":
			compare(t, first, got)
		}
	}
}

// side is one way to label the topic.
type side struct {
	name  string
	label func(*run) usage
}

// compare fails where two sides gave a flow another label.
func compare(t *testing.T, want, got map[string]labelled) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d flows have a label, and %d by serveflow", len(got), len(want))
	}
	others := 0
	for _, uid := range slices.Sorted(maps.Keys(want)) {
		if got[uid].answer != want[uid].answer {
			if others++; others <= 5 {
				t.Errorf("%s: %q, and %q by serveflow", uid, got[uid].answer, want[uid].answer)
			}
		}
	}
	if others > 0 {
		t.Errorf("%d of %d labels differ", others, len(want))
	}
}

// input gives the records, one a line, and where they are from.
func input(t *testing.T) (lines [][]byte, name string) {
	t.Helper()
	name = *records
	if name == "" {
		name = "../../../shared/data/zeek/trace.flowpkt.log.zst"
		if _, err := os.Stat(name); err != nil {
			name = "../../testdata/records/lab.jsonl.zst"
		}
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := decompress.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var all bytes.Buffer
	if _, err := all.ReadFrom(in); err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(all.Bytes()) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] == '{' {
			lines = append(lines, line)
		}
	}
	return lines, filepath.Base(name)
}

// slowAlone writes a bundle of the last stage alone, which is otherwise the same.
func slowAlone(t *testing.T, from string) string {
	t.Helper()
	out := t.TempDir()
	var manifest map[string]any
	readJSON(t, filepath.Join(from, "manifest.json"), &manifest)
	stages := manifest["stages"].([]any)
	last := stages[len(stages)-1].(map[string]any)
	manifest["stages"] = []any{last}
	delete(manifest, "drift")
	var parity struct {
		Classes  []string            `json:"classes"`
		Features map[string][]string `json:"features"`
		Rows     []struct {
			Stage  string    `json:"stage"`
			X      []float64 `json:"x"`
			Scores []float64 `json:"scores"`
		} `json:"rows"`
	}
	readJSON(t, filepath.Join(from, "parity.json"), &parity)
	name, rows := last["name"].(string), parity.Rows[:0]
	for _, row := range parity.Rows {
		if row.Stage == name {
			rows = append(rows, row)
		}
	}
	parity.Rows, parity.Features = rows, map[string][]string{name: parity.Features[name]}
	files := map[string][]byte{"parity.json": toJSON(t, parity)}
	for _, file := range []string{last["file"].(string), "calibration.json", "MODEL_CARD.md"} {
		data, err := os.ReadFile(filepath.Join(from, file))
		if err != nil {
			t.Fatal(err)
		}
		files[file] = data
	}
	digests := map[string]string{}
	for file, data := range files {
		digests[file] = digest(data)
		write(t, filepath.Join(out, file), data)
	}
	manifest["files"] = digests
	write(t, filepath.Join(out, "manifest.json"), toJSON(t, manifest))
	return out
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
