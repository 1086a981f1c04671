package latency

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cmd/serveflow/demo"
	"github.com/serveflow/serveflow/cmd/serveflow/labels"
)

// outcome is what a side made of the traffic.
type outcome struct {
	side     side
	labels   []label
	took     []float64 // of each, milliseconds from its flow's first packet until it was read, sorted
	shown    demo.Side // quality and latency, as the demo computes them
	degraded int       // labels that are not the full answer: degraded, breaker, evicted
	queue    queue
}

// label is a label record with the times that the split needs, and when it was read.
type label struct {
	labels.Record
	TSPacket  float64 `json:"ts_packet"`
	TSLabel   float64 `json:"ts_label"`
	ComputeUS float64 `json:"compute_us"`
	read      float64 // epoch seconds, as the others
	next      float64 // when the flow's first record behind TSPacket was due; 0 if there was none
}

// newOutcome judges what a side wrote. Flows without a label are an error: no figure would show them.
func newOutcome(t *testing.T, of side, came []arrival, q queue, all *traffic, begin time.Time, known map[string]string) *outcome {
	t.Helper()
	if len(came) != len(all.counted) {
		t.Errorf("%s: %d of %d flows have a label", of.name, len(came), len(all.counted))
	}
	o := &outcome{side: of, queue: q}
	due := map[string][]float64{} // of each flow's records
	for _, r := range all.records {
		due[r.uid] = append(due[r.uid], seconds(begin.Add(r.due)))
	}
	var judged []*demo.Label
	for _, a := range came {
		l := label{read: seconds(a.at)}
		if err := json.Unmarshal(a.value, &l); err != nil {
			t.Fatalf("%s: not a label record: %v: %s", of.name, err, a.value)
		}
		if i := slices.IndexFunc(due[l.UID], func(at float64) bool { return at > l.TSPacket+2e-6 }); i >= 0 {
			l.next = due[l.UID][i]
		}
		switch l.Reason {
		case "degraded", "breaker", "evicted":
			o.degraded++
		}
		took := l.read - l.TSFirst
		o.labels, o.took = append(o.labels, l), append(o.took, 1e3*took)
		judged = append(judged, &demo.Label{Record: &l.Record, Came: a.at, Took: time.Duration(took * float64(time.Second)), Known: known[l.UID]})
	}
	slices.Sort(o.took)
	o.shown = demo.Summarise("", len(all.counted), 1, judged, nil).Cascade
	return o
}

// seconds is a time as label records have it.
func seconds(at time.Time) float64 { return float64(at.UnixMicro()) / 1e6 }

// table has an outcome a line, beside the cascade's.
func table(outcomes []*outcome, cascade *outcome) string {
	var b strings.Builder
	b.WriteString("| | flows | p50 ms | p90 ms | p99 ms | within 16 ms | macro-F1 | degraded | p50, times the cascade's |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, o := range outcomes {
		times, l := "", o.shown.Latency
		if o != cascade {
			times = fmt.Sprintf("%.1f", l.P50/cascade.shown.Latency.P50)
		}
		fmt.Fprintf(&b, "| %s | %d | %.1f | %.1f | %.1f | %.1f%% | %.4f | %d | %s |\n",
			o.side.name, len(o.labels), l.P50, l.P90, l.P99, 100*o.shown.Under16ms, o.shown.MacroF1, o.degraded, times)
	}
	return b.String()
}

// best is the earliest of the sides that are as good as wanted; where none is, the best one. Earliest
// is by p50 and p90 together, since medians may be alike where most flows wait for packets.
func best(sides []*outcome, macroF1 float64) *outcome {
	chosen := sides[0]
	for _, o := range sides[1:] {
		good, chosenIsGood := o.shown.MacroF1 >= macroF1, chosen.shown.MacroF1 >= macroF1
		a, b := o.shown.Latency, chosen.shown.Latency
		earlier := a.P50*a.P90 < b.P50*b.P90
		if good && (!chosenIsGood || earlier) || !good && !chosenIsGood && o.shown.MacroF1 > chosen.shown.MacroF1 {
			chosen = o
		}
	}
	return chosen
}

// quantile is the smallest of the sorted values that at least a share q of them do not exceed.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[max(0, min(len(sorted)-1, int(math.Ceil(q*float64(len(sorted))))-1))]
}
