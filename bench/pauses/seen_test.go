package pauses

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/process"
)

// seen is what was measured with a setting, in all its rounds.
type seen struct {
	rounds      []round
	cpu, took   time.Duration
	idle        time.Duration // of all cores: where little is left, the machine is what is measured
	collections float64
	usual, most float64 // milliseconds that a collection stops everything, p50 and longest
	memory      float64 // MiB
}

// round is what one round's flows took, milliseconds.
type round struct {
	decided  []float64 // from the first record in Kafka to the label's ts_label, less compute_us
	labelled []float64 // ... to the label in its topic, less compute_us
	written  []float64 // the producer's part: from when a record was due to when it was in Kafka
}

// watch takes what the member says of its collector and of its memory.
func (s *seen) watch(m *member) {
	m.t.Helper()
	s.collections += m.metric("go_gc_duration_seconds_count", "")
	s.usual = max(s.usual, 1000*m.metric("go_gc_duration_seconds", `quantile="0.5"`))
	s.most = max(s.most, 1000*m.metric("go_gc_duration_seconds", `quantile="1"`))
	s.memory = max(s.memory, float64(process.PeakMemory(m.p.PID()))/(1<<20))
}

// add takes the labels that the first stage gave flows which arrived after the warming up.
func (s *seen) add(t *testing.T, p *player, labels []kafka.Message) {
	t.Helper()
	from, r := p.began.Add(warming).UnixMicro(), round{}
	for _, m := range labels {
		var l struct {
			Stage   string
			Compute float64 `json:"compute_us"`
			Decided float64 `json:"ts_label"`
		}
		if err := json.Unmarshal(m.Value, &l); err != nil {
			t.Fatal(err)
		}
		flow, err := strconv.Atoi(string(m.Key[bytes.LastIndexByte(m.Key, '-')+1:]))
		if err != nil || flow >= len(p.flows) {
			t.Fatalf("%s: a label of a flow that was not written", m.Key)
		}
		if a := p.flows[flow]; l.Stage == "first" && a.due >= from {
			there := float64(a.there) + l.Compute
			r.decided = append(r.decided, (l.Decided*1e6-there)/1000)
			r.labelled = append(r.labelled, (float64(m.Time.UnixMicro())-there)/1000)
			r.written = append(r.written, float64(a.there-a.due)/1000)
		}
	}
	if len(r.decided) == 0 {
		t.Fatal("no flow was decided by the stage first: is bundles/service another one?")
	}
	for _, values := range [][]float64{r.decided, r.labelled, r.written} {
		slices.Sort(values)
	}
	s.rounds = append(s.rounds, r)
}

// added is the p99 of each round, in order of size.
func (s *seen) added() (p99 []float64) {
	for _, r := range s.rounds {
		p99 = append(p99, quantile(r.decided, .99))
	}
	slices.Sort(p99)
	return p99
}

// row is the setting's row of the table, without its name. Its quantiles are those of the round in the middle, since
// a round in which another program had the machine says nothing.
func (s *seen) row() string {
	var b strings.Builder
	middle := func(of func(round) []float64, quantiles ...float64) {
		for _, q := range quantiles {
			var each []float64
			for _, r := range s.rounds {
				each = append(each, quantile(of(r), q))
			}
			slices.Sort(each)
			fmt.Fprintf(&b, "| %.1f ", quantile(each, .5))
		}
	}
	middle(func(r round) []float64 { return r.decided }, .5, .99, .999)
	p99 := s.added()
	fmt.Fprintf(&b, "| %.1f to %.1f ", p99[0], p99[len(p99)-1])
	middle(func(r round) []float64 { return r.labelled }, .5, .99)
	middle(func(r round) []float64 { return r.written }, .99)
	fmt.Fprintf(&b, "| %.0f%% | %.2f | %.0f | %.2f | %.2f | %.0f |", 100*s.cpu.Seconds()/s.took.Seconds(), s.idle.Seconds()/s.took.Seconds(), s.collections, s.usual, s.most, s.memory)
	return b.String()
}

// quantile is of values that are sorted.
func quantile(values []float64, q float64) float64 {
	return values[min(len(values)-1, int(q*float64(len(values))))]
}
