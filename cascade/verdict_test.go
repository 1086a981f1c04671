package cascade

import (
	"reflect"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

func TestVerdictSaysWhatWasLookedAt(t *testing.T) {
	hole := []packet{{1, 0, 0}, {3, rst, 0}}
	for _, c := range []struct {
		name        string
		depth       int
		packets     []packet
		late        time.Duration
		looked      int
		gap         bool
		first, last int64
	}{
		{"up to its depth", 3, []packet{{1, 0, 0}, {2, 0, 0}, {3, 0, 0}, {4, 0, 0}}, 0, 3, false, 1e15, 1e15 + 2000},
		{"a packet is missing", 9, hole, 2 * time.Second, 2, true, 1e15, 1e15 + 2000},
		{"the first packet is missing", 9, []packet{{2, 0, 0}, {3, 0, 0}}, 2 * time.Second, 2, true, 1e15 + 1000, 1e15 + 2000},
		{"the missing one is beyond its depth", 1, hole, 2 * time.Second, 1, false, 1e15, 1e15},
	} {
		for _, queued := range []bool{true, false} {
			s := spec(t, []int{c.depth}, says(.7))
			s.Stages[0].Slow = queued
			r := newRig(s, Config{})
			r.feedPackets(c.packets, c.late)
			r.drain()
			if len(r.got) != 1 {
				t.Fatalf("%s: %d verdicts", c.name, len(r.got))
			}
			if v := r.got[0]; v.Packets != c.looked || v.Gap != c.gap || v.First != c.first || v.Last != c.last {
				t.Errorf("%s (queued %v): %d packets, gap %v, from %d to %d", c.name, queued, v.Packets, v.Gap, v.First, v.Last)
			}
		}
	}
}

func TestVerdictSaysWhatTheRecordCounts(t *testing.T) {
	for _, c := range []struct {
		fields  zeek.ConnFields
		packets int
		gap     bool
		last    int64
	}{
		{zeek.ConnFields{Duration: 2_500_000, OrigPkts: 6, RespPkts: 4}, 10, false, 1e15 + 2_500_000},
		{zeek.ConnFields{Duration: zeek.Absent, OrigPkts: 1, RespPkts: zeek.Absent, MissedBytes: 7}, 1, true, 1e15},
		{zeek.ConnFields{Duration: zeek.Absent, OrigPkts: 1<<63 - 1, RespPkts: 1<<63 - 1, MissedBytes: zeek.Absent}, 1 << 54, false, 1e15},
	} {
		r := newRig(spec(t, []int{1}, says(.7)), Config{})
		r.feedConn(&c.fields)
		r.drain()
		if v := r.got[0]; v.Packets != c.packets || v.Gap != c.gap || v.First != 1e15 || v.Last != c.last || v.Acker == nil {
			t.Errorf("%+v: %+v", c.fields, v)
		}
	}
}

// A verdict has what the flow and the spec say, and the stage's answer.
func TestVerdictIsComplete(t *testing.T) {
	s := spec(t, []int{1}, says(.75))
	s.Stages[0].Threshold = .125
	r := newRig(s, Config{})
	r.feed([]int16{0}, 0)
	r.drain()
	v := r.got[0]
	if v.UID != "u" || v.Sensor != "tap" || v.Orig.String() != "10.0.0.1:1" || v.Resp.String() != "10.0.0.2:2" || v.Proto != 6 {
		t.Errorf("of the flow: %+v", v)
	}
	if v.Spec != s || v.Stage != "s0" || v.Threshold != .125 || v.Seq != 1 || v.Acker != r {
		t.Errorf("of the spec: %+v", v)
	}
	if d := v.Uncertainty - .25; d > 1e-9 || d < -1e-9 {
		t.Errorf("uncertainty %v, want 0.25", v.Uncertainty)
	}
}

func TestTopClasses(t *testing.T) {
	for _, c := range []struct {
		p    []float64
		want [3]Guess
	}{
		{[]float64{.3, .7}, [3]Guess{{"b", .7}, {"a", .3}}},
		{[]float64{.1, .2, .3, .4}, [3]Guess{{"d", .4}, {"c", .3}, {"b", .2}}},
		{[]float64{.4, .3, .2, .1}, [3]Guess{{"a", .4}, {"b", .3}, {"c", .2}}},
		{[]float64{.2, .4, .1, .3}, [3]Guess{{"b", .4}, {"d", .3}, {"a", .2}}},
		{[]float64{.25, .25, .25, .25}, [3]Guess{{"a", .25}, {"b", .25}, {"c", .25}}},
		{[]float64{0, 1, 0}, [3]Guess{{"b", 1}, {"a", 0}, {"c", 0}}},
	} {
		v := Verdict{Spec: &Spec{Classes: []string{"a", "b", "c", "d"}}}
		a := answer.Rank(c.p)
		v.setAnswer(&a, &Stage{Measure: Margin})
		if !reflect.DeepEqual(v.Top, c.want) || v.Label() != c.want[0].Label {
			t.Errorf("%v: %v, want %v", c.p, v.Top, c.want)
		}
	}
}

func TestReasonOfAFlowThatWasCutShort(t *testing.T) {
	for cause, want := range map[flow.Cause]Reason{flow.Ended: FlowEnd, flow.TimedOut: Timeout, flow.Evicted: Evicted, flow.Reached: LastStage} {
		if got := closedBy(cause, LastStage); got != want {
			t.Errorf("%v: %s, want %s", cause, got, want)
		}
	}
}

func TestOnly(t *testing.T) {
	s := spec(t, []int{1, 2, 4}, says(1), says(1), says(1))
	part := s.Only("s0", "s2")
	if len(part.Stages) != 2 || part.Stages[0].Name != "s0" || part.Depth() != 4 || part.Task != "test" {
		t.Errorf("%+v", part)
	}
	if alone := s.Only("s1", "other"); len(alone.Stages) != 1 || alone.Depth() != 2 {
		t.Errorf("%+v", alone)
	}
	if len(s.Stages) != 3 {
		t.Errorf("the whole has %d stages left", len(s.Stages))
	}
}
