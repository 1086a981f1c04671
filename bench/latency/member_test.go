package latency

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/process"
)

// side is one way to label the records. All that it does not name is as it ships.
type side struct {
	name   string
	bundle string // folder
	idle   string // SERVEFLOW_FLOW_IDLE
}

// member is a running serveflow.
type member struct {
	process *process.Process
	labels  string // topic
	admin   string // address
	said    string // file
}

// start starts a side on a topic, with a topic for its labels.
func (s side) start(t *testing.T, addr, topic, labels string) *member {
	t.Helper()
	kafkatest.CreateTopic(t, addr, labels, partitions, nil)
	kafkatest.CreateTopic(t, addr, labels+".dlq", 1, nil)
	m := &member{labels: labels, admin: process.FreeAddress(t), said: filepath.Join(t.TempDir(), "said")}
	cmd := exec.Command("../../bin/serveflow", "run")
	cmd.Env = process.Environment("SERVEFLOW_BROKERS="+addr, "SERVEFLOW_TOPIC="+topic, "SERVEFLOW_LABEL_TOPIC="+labels, "SERVEFLOW_DEAD_LETTER_TOPIC="+labels+".dlq",
		"SERVEFLOW_GROUP="+labels, "SERVEFLOW_BUNDLE="+s.bundle, "SERVEFLOW_FLOW_IDLE="+s.idle, "SERVEFLOW_ADMIN="+m.admin)
	var err error
	if m.process, err = process.Start(cmd, m.said); err != nil {
		t.Fatalf("%v: make build", err)
	}
	t.Cleanup(m.process.Kill)
	return m
}

// await waits until it is ready: the pace must not begin before.
func (m *member) await(t *testing.T) {
	t.Helper()
	ready := func() bool {
		res, err := http.Get("http://" + m.admin + "/readyz")
		if err != nil {
			return !m.process.Running()
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	}
	await.Until(t, "serveflow run to be ready", ready, func() any { return m.words() })
	if !m.process.Running() {
		t.Fatalf("serveflow run has ended: %s", m.words())
	}
}

func (m *member) stop(t *testing.T) {
	t.Helper()
	m.process.Stop(30 * time.Second)
	if code := m.process.ExitCode(); code != 0 {
		t.Errorf("serveflow run ended with %d: %s", code, m.words())
	}
}

// words are the last that it said.
func (m *member) words() string {
	text, _ := os.ReadFile(m.said)
	return string(text[max(0, len(text)-2000):])
}

// queue is how long flows waited for the slow stage, with all their packets there. The process
// knows it only for all of them together.
type queue struct {
	flows   int
	mean    float64 // milliseconds
	buckets []bucket
}

// bucket is a bound in milliseconds, and how many flows did not wait longer.
type bucket struct {
	bound float64
	flows int
}

var queueMetric = regexp.MustCompile(`^serveflow_slow_queue_seconds_(sum|count|bucket)\{.*?(?:le="([^"]+)")?\} (\S+)$`)

// slowQueue reads it from the member's metrics; of a bundle without slow stage there is nothing.
func (m *member) slowQueue(t *testing.T) (q queue) {
	t.Helper()
	res, err := http.Get("http://" + m.admin + "/metrics")
	if err != nil {
		t.Fatalf("%v: %s", err, m.words())
	}
	defer res.Body.Close()
	sum := 0.0
	for lines := bufio.NewScanner(io.LimitReader(res.Body, 16<<20)); lines.Scan(); {
		found := queueMetric.FindStringSubmatch(lines.Text())
		if found == nil {
			continue
		}
		value, err := strconv.ParseFloat(found[3], 64)
		if err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		switch found[1] {
		case "sum":
			sum += value
		case "count":
			q.flows += int(value)
		case "bucket":
			bound, err := strconv.ParseFloat(found[2], 64)
			if err != nil {
				t.Fatalf("%s: %v", lines.Text(), err)
			}
			q.buckets = append(q.buckets, bucket{1e3 * bound, int(value)})
		}
	}
	if q.flows > 0 {
		q.mean = 1e3 * sum / float64(q.flows)
	}
	return q
}

// within is the smallest bound that such a share of the flows did not wait longer than.
func (q queue) within(share float64) string {
	for _, b := range q.buckets {
		if float64(b.flows) >= share*float64(q.flows) {
			return fmt.Sprintf("%.0f ms", b.bound)
		}
	}
	return "none"
}
