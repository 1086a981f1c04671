package throughput

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

var scale = flag.Bool("scale", false, "label what lies in a Kafka topic by more cores, partitions, processes and tasks, and with other shares deferred")

// setup is one way to run serveflow.
type setup struct {
	name       string
	partitions int
	processes  int
	settings   []string
	doubt      float64 // times the thresholds of the bundle; 0: as they are
}

// setups are those that are compared.
func setups() []setup {
	return []setup{
		{name: "1 process on 1 core", settings: []string{"GOMAXPROCS=1"}},
		{name: "1 process on 2 cores", settings: []string{"GOMAXPROCS=2"}},
		{name: "2 processes", processes: 2},
		{name: "3 processes", processes: 3},
		{name: "1 partition", partitions: 1},
		{name: "4 partitions", partitions: 4},
		{name: "12 partitions", partitions: 12},
		{name: "2 tasks", settings: []string{"SERVEFLOW_TASKS=service,qos"}},
		{name: "3 tasks", settings: []string{"SERVEFLOW_TASKS=service,qos,device"}},
		{name: "thresholds / 1000", doubt: .001},
		{name: "thresholds / 4", doubt: .25},
		{name: "thresholds x 4", doubt: 4},
		{name: "no flow deferred", doubt: 1000},
	}
}

// Each setup labels the whole topic once. The broker is on the same machine, so what more processes and cores gain shows
// only where there are cores for all.
func TestScale(t *testing.T) {
	if !*scale {
		t.Skip("on purpose: a bench of its own, make bench-scale")
	}
	lines, from := input(t)
	broker, flows, n := kafkatest.Start(t), 0, 0
	for _, count := range []int{1, 4, partitions, 12} {
		topic := fmt.Sprintf("records-%d", count)
		kafkatest.CreateTopic(t, broker.Addr, topic, count, nil)
		flows, n = preload(t, broker.Addr, topic, lines, *copies)
	}
	t.Logf("%d records of %d flows, %d times %s", n, flows, *copies, from)
	fmt.Printf("| | flows/s | us of CPU a flow, once it runs | memory | asked of the last stage |\n| --- | --- | --- | --- | --- |\n")
	for i, s := range append([]setup{{name: "1 process, 8 partitions, service as it ships"}}, setups()...) {
		topic := func(task string) string { return fmt.Sprintf("labels-%d.%s", i, task) }
		for _, task := range []string{"service", "qos", "device"} {
			kafkatest.CreateTopic(t, broker.Addr, topic(task), partitions, nil)
		}
		r := &run{t: t, addr: broker.Addr, flows: flows, records: fmt.Sprintf("records-%d", cmp.Or(s.partitions, partitions)), labels: topic("service"),
			processes: s.processes, settings: append([]string{"SERVEFLOW_LABEL_TOPIC=" + topic("<task>")}, s.settings...)}
		kafkatest.CreateTopic(t, broker.Addr, r.labels+".dlq", 1, nil)
		folder := "../../bundles/<task>"
		if s.doubt > 0 {
			folder = doubting(t, *bundle, s.doubt)
		}
		u := r.serveflow(folder)
		slow := 0
		for _, label := range r.read() {
			if strings.HasPrefix(label.stage, "slow") {
				slow++
			}
		}
		fmt.Printf("| %s | %.0f | %.1f | %.0f MiB | %.1f%% |\n", s.name, float64(flows)/u.wall.Seconds(), u.running(flows), u.memory, 100*float64(slow)/float64(flows))
	}
}

// doubting writes a bundle whose fast stages have other thresholds, and which is otherwise the same.
func doubting(t *testing.T, from string, times float64) string {
	t.Helper()
	out := t.TempDir()
	if err := os.CopyFS(out, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	var manifest map[string]any
	readJSON(t, filepath.Join(out, "manifest.json"), &manifest)
	stages := manifest["stages"].([]any)
	for _, stage := range stages[:len(stages)-1] {
		s := stage.(map[string]any)
		s["threshold"] = min(1, times*s["threshold"].(float64))
	}
	delete(manifest, "drift")
	write(t, filepath.Join(out, "manifest.json"), toJSON(t, manifest))
	return out
}
