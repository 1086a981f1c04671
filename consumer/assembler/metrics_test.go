package assembler

import (
	"testing"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/metricstest"
)

// expect compares metrics by their names without the prefix.
func (r *rig) expect(want map[string]float64) {
	r.t.Helper()
	values := metricstest.Values(r.t, r.registry)
	for name, value := range want {
		if got, there := values["serveflow_"+name]; got != value || !there {
			r.t.Errorf("%s is %v, want %v; there: %t", name, got, value, there)
		}
	}
}

// After each fetch the gauges show what the table holds, and losses since the last fetch
// are counted, once.
func TestGaugesAndLosses(t *testing.T) {
	r := newRig(t, func(c *flow.Config) { c.Limits.Finished = 2 }, zeek.Limits{})
	take(packet("a", 1, 0), 0)(r)
	take(packet("b", 1, 0), 1)(r)
	if _, there := metricstest.Values(t, r.registry)["serveflow_open_flows{3}"]; there {
		t.Error("the gauges are there before the first fetch is over")
	}
	idle(0)(r)
	_, bytes, _ := r.assembler.table.Size()
	r.expect(map[string]float64{"open_flows{3}": 2, "open_flow_bytes{3}": float64(bytes), "finished_uids{3}": 0,
		"finished_uids_forgotten_total": 0, "flows_without_first_packet_total": 0})

	for i, uid := range []string{"c", "d", "e"} { // three finished, and room for two
		take(packet(uid, 2, 0), int64(10+i))(r)
		take(end(uid, 2), int64(20+i))(r)
	}
	drain(r)
	for range 3 {
		idle(0)(r)
	}
	r.expect(map[string]float64{"open_flows{3}": 0, "open_flow_bytes{3}": 0, "finished_uids{3}": 2,
		"finished_uids_forgotten_total": 3, "flows_without_first_packet_total": 3})

	take(packet("f", 1, 0), 30)(r)
	take(packet("f", 2, 0), 31)(r)
	take(packet("g", 2, 0), 32)(r)
	drain(r)
	idle(0)(r)
	r.expect(map[string]float64{"finished_uids_forgotten_total": 5, "flows_without_first_packet_total": 4})
}

// What the decider stores in a flow that waits is counted as the flow's memory.
func TestMemoryOfAnswers(t *testing.T) {
	r := newRig(t, nil, zeek.Limits{})
	r.answer = make([]float32, 1000)
	take(packet("a", 1, 0), 0)(r)
	idle(0)(r)
	before := metricstest.Values(t, r.registry)["serveflow_open_flow_bytes{3}"]
	more("a", 2)(r)
	take(packet("a", 2, 0), 1)(r)
	idle(0)(r)
	if grown := metricstest.Values(t, r.registry)["serveflow_open_flow_bytes{3}"] - before; grown < 4*1000 {
		t.Errorf("an answer of 4000 bytes is charged with %v", grown)
	}
}

// A partition that this member no longer reads has no gauges; the others keep theirs.
func TestForget(t *testing.T) {
	r := newRig(t, nil, zeek.Limits{})
	other := New(testConfig(), zeek.Limits{}, 4, r, r.assembler.metrics)
	take(packet("a", 1, 0), 0)(r)
	idle(0)(r)
	other.AfterFetch(r.ctx, true, 0)
	r.assembler.metrics.Forget(3)
	values := metricstest.Values(t, r.registry)
	for _, name := range []string{"open_flows", "open_flow_bytes", "finished_uids"} {
		if _, there := values["serveflow_"+name+"{3}"]; there {
			t.Errorf("%s of partition 3 is still there", name)
		}
		if _, there := values["serveflow_"+name+"{4}"]; !there {
			t.Errorf("%s of partition 4 is gone", name)
		}
	}
	r.expect(map[string]float64{"records_total{opened}": 1})
}
