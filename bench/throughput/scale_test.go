package throughput

import (
	"cmp"
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/serveflow/serveflow/internal/bundletest"
	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/lab"
)

var (
	scale = flag.Bool("scale", false, "label what lies in a Kafka topic by more cores, partitions, processes and tasks, and with other shares deferred")
	rows  = flag.String("rows", "", "regular expression of the setups to compare, by their names; all without it")
)

// setup is one way to run serveflow.
type setup struct {
	name       string
	partitions int
	processes  int
	cores      int // that it is bound to by affinity; 0: none
	settings   []string
	stages     variant // of the bundle; nil: as they are
	all        bool    // whether every flow's label must be the last stage's, unless no stage is asked
}

// setups are those that are compared.
func setups() []setup {
	return []setup{
		{name: "1 process, 8 partitions, service as it ships"},
		{name: "1 process, GOMAXPROCS=1", settings: []string{"GOMAXPROCS=1"}},
		{name: "1 process, GOMAXPROCS=2", settings: []string{"GOMAXPROCS=2"}},
		{name: "1 process bound to 1 core", cores: 1},
		{name: "1 process bound to 2 cores", cores: 2},
		{name: "2 processes", processes: 2},
		{name: "3 processes", processes: 3},
		{name: "1 partition", partitions: 1},
		{name: "4 partitions", partitions: 4},
		{name: "12 partitions", partitions: 12},
		{name: "2 tasks", settings: []string{"SERVEFLOW_TASKS=service,qos"}},
		{name: "3 tasks", settings: []string{"SERVEFLOW_TASKS=service,qos,device"}},
		{name: "every flow deferred", stages: allDeferred, all: true},
		{name: "thresholds / 1000", stages: doubting(.001)},
		{name: "thresholds / 4", stages: doubting(.25)},
		{name: "thresholds x 4", stages: doubting(4)},
		{name: "no flow deferred", stages: doubting(1000)},
	}
}

// Each setup labels the whole topic once. The broker is on the same machine, so what more processes and cores gain shows
// only where there are cores for all.
func TestScale(t *testing.T) {
	if !*scale {
		t.Skip("on purpose: a bench of its own, make bench-scale")
	}
	chosen, err := regexp.Compile(*rows)
	if err != nil {
		t.Fatalf("-rows: %v", err)
	}
	lines, path := lab.Trace(t, *records)
	broker, flows, n := kafkatest.Start(t), 0, 0
	for _, count := range []int{1, 4, partitions, 12} {
		topic := fmt.Sprintf("records-%d", count)
		kafkatest.CreateTopic(t, broker.Addr, topic, count, nil)
		flows, n = preload(t, broker.Addr, topic, lines, *copies)
	}
	t.Logf("%d records of %d flows, %d times %s", n, flows, *copies, filepath.Base(path))
	shipped := bundletest.Stages(t, *bundle)
	last := shipped[len(shipped)-1].Name()
	fmt.Printf("| | flows/s | us of CPU a flow, once it runs | memory | asked of the last stage |\n| --- | --- | --- | --- | --- |\n")
	for i, s := range setups() {
		if !chosen.MatchString(s.name) {
			t.Logf("%s: left out, as -rows says", s.name)
			continue
		}
		topic := func(task string) string { return fmt.Sprintf("labels-%d.%s", i, task) }
		r := &run{t: t, addr: broker.Addr, flows: flows, records: fmt.Sprintf("records-%d", cmp.Or(s.partitions, partitions)), labels: topic("service"),
			processes: s.processes, settings: append([]string{"SERVEFLOW_LABEL_TOPIC=" + topic("<task>")}, s.settings...)}
		if s.cores > 0 {
			var err error
			if r.bound, err = bindTo(t, s.cores); err != nil {
				t.Logf("%s: left out: %v", s.name, err)
				continue
			}
		}
		for _, task := range []string{"service", "qos", "device"} {
			kafkatest.CreateTopic(t, broker.Addr, topic(task), partitions, nil)
		}
		kafkatest.CreateTopic(t, broker.Addr, r.labels+".dlq", 1, nil)
		folder := "../../bundles/<task>"
		if s.stages != nil {
			folder = bundletest.Variant(t, *bundle, s.stages)
		}
		u, asked := r.serveflow(folder), map[string]int{} // how many flows a stage gave its label; "": none did
		for _, label := range r.read() {
			asked[label.stage]++
		}
		fmt.Printf("| %s | %.0f | %.1f | %.0f MiB | %.1f%% |\n", s.name, float64(flows)/u.wall.Seconds(), u.running(flows), u.memory, 100*float64(asked[last])/float64(flows))
		if s.all && asked[last]+asked[""] != flows {
			t.Errorf("%s: the labels of %d flows are of these stages: %v; want %s alone, but for flows that no stage is asked about", s.name, flows, asked, last)
		}
		if none := asked[""]; s.all && none > 0 {
			t.Logf("%s: but for %d flows of protocols that the bundle does not answer for, about which no stage is asked", s.name, none)
		}
	}
}
