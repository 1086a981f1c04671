package cascade

import (
	"fmt"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// feedShort decides a flow of one packet that is closed by an eviction, or by a timeout.
func (r *rig) feedShort(t *testing.T, evicted bool) {
	t.Helper()
	table := flow.New(flow.Config{Rules: flow.Rules{Depth: 10, Idle: time.Second, MaxAge: time.Minute},
		Limits: flow.Limits{Flows: 1, Bytes: 1 << 20, Finished: 10}, Want: r.cascade.spec.Stages[0].Depth})
	add := func(uid string, n uint32, at int64) *flow.Flow {
		f, _ := table.Add(&zeek.Record{Kind: zeek.Packet, UID: []byte(uid), N: n, TS: 1e15 + at, Proto: zeek.TCP})
		return f
	}
	f := add("u", 1, 0)
	if f.Ready() && r.decider.Decide(r.ctx, f) {
		t.Fatal("it was decided before it was closed")
	}
	table.Keep(f)
	if evicted {
		add("v", 1, 1)
	} else {
		add("u", 2, 2_000_000)
	}
	if due := table.Due(); due != f || !r.decider.Decide(r.ctx, f) {
		t.Fatal("it was not decided when it was closed")
	}
}

// An evicted flow says so whatever its label: with more memory it might get another one. A timeout
// would come again, so it stays hidden behind what the stage found.
func TestAnEvictionIsNotHidden(t *testing.T) {
	answers := func(p ...float64) modelFunc {
		return func(_ []float32, out []float64) error { copy(out, p); return nil }
	}
	unsure, family, novel := answers(.5, .1, .4), answers(.5, .48, .02), answers(.05, .05, .9)
	for _, c := range []struct {
		name              string
		models            []Model
		slow              []bool
		evicted, timedOut string
	}{
		{"a family", []Model{family, unsure}, []bool{false, false}, "a s0 evicted {web 0.98} 0.5", "a s0 family {web 0.98} 0.5"},
		{"a family, in a queue", []Model{family, unsure}, []bool{true, true}, "a s0 evicted {web 0.98} 0.5", "a s0 family {web 0.98} 0.5"},
		{"novel", []Model{novel, unsure}, []bool{false, false}, "unknown s0 evicted { 0} 0.9", "unknown s0 novel { 0} 0.9"},
		{"novel, in a queue", []Model{unsure, novel}, []bool{false, true}, "unknown s1 evicted { 0} 0.9", "unknown s1 novel { 0} 0.9"},
		{"novel, behind a queue", []Model{unsure, novel}, []bool{true, false}, "unknown s1 evicted { 0} 0.9", "unknown s1 novel { 0} 0.9"},
		{"the last stage", []Model{unsure, family}, []bool{false, false}, "a s1 evicted {web 0.98} 0.5", "a s1 timeout {web 0.98} 0.5"},
	} {
		for evicted, want := range map[bool]string{true: c.evicted, false: c.timedOut} {
			s := spec(t, []int{3, 3}, c.models...)
			s.Classes = append(s.Classes, "other")
			s.Families, s.FamilyOf = []Family{{"web", []int{0, 1}, .1}}, []int{0, 0, -1}
			for i := range s.Stages {
				s.Stages[i].Slow, s.Stages[i].Novelty = c.slow[i], &Novelty{Class: 2, Above: .9}
			}
			r := newRig(s, Config{})
			r.feedShort(t, evicted)
			r.drain()
			v := r.got[0]
			if got := fmt.Sprintf("%s %s %s {%s %.2g} %.2g", v.Label(), v.Stage, v.Reason, v.Family.Label, v.Family.P, v.Confidence()); got != want || len(r.got) != 1 {
				t.Errorf("%s, evicted %v: got %q, want %q", c.name, evicted, got, want)
			}
			if n := r.metrics(t)["labels_total{true,"+string(v.Reason)+","+v.Stage+"}"]; n != 1 {
				t.Errorf("%s, evicted %v: %v labels are counted as %s", c.name, evicted, n, v.Reason)
			}
		}
	}
}
