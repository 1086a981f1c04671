package throughput

import (
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/serveflow/serveflow/internal/bundletest"
	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/lab"
)

var (
	bench   = flag.Bool("throughput", false, "label what lies in a Kafka topic, by serveflow and by services in Python and Java")
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
	lines, path := lab.Trace(t, *records)
	broker := kafkatest.Start(t)
	kafkatest.CreateTopic(t, broker.Addr, "records", partitions, nil)
	flows, n := preload(t, broker.Addr, "records", lines, *copies)
	t.Logf("%d records of %d flows, %d times %s, in %d partitions", n, flows, *copies, filepath.Base(path), partitions)
	sides := []side{
		{"serveflow", func(s *run) usage { return s.serveflow(*bundle) }, false},
		{"serveflow, slow stage alone", func(s *run) usage { return s.serveflow(bundletest.Variant(t, *bundle, slowAlone)) }, false},
		{"Python", func(s *run) usage { return s.python(*bundle) }, true},
	}
	if *alone {
		sides = sides[:1]
	} else if javaIsBuilt(t) {
		sides = append(sides, side{"Java, Kafka Streams", func(s *run) usage { return s.java(*bundle) }, true})
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
		case s.same:
			compare(t, first, got)
		}
	}
}

// side is one way to label the topic.
type side struct {
	name  string
	label func(*run) usage
	same  bool // whether each flow must get serveflow's label
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
