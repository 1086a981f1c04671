package calibrate

import (
	"testing"
	"time"
)

// What may be chosen has the bundle's own rules, and leaves those of other stages alone.
func TestSpace(t *testing.T) {
	s := spec()
	all := space(s, [][]float64{{0, .1, .2, .9}, nil}, time.Second)
	if len(all) != 3 || all[0].Name != "threshold" || all[1].Name != "below" || all[2].Name != "patience" {
		t.Fatalf("%+v", all)
	}
	at := start(all)
	own := at.rules(s, all)
	if f := own.Stages[0]; f.Threshold != .3 || f.Below != .25 || len(f.Patience) != 1 || f.Patience[0].Wait != 400*time.Millisecond {
		t.Errorf("the bundle's own: %+v", own)
	}
	for k, option := range all[2].options {
		r := RulesOf(s)
		option(&r)
		for _, p := range r.Stages[0].Patience {
			if p.Wait < time.Millisecond || p.Wait > time.Second {
				t.Errorf("option %d: %+v", k, r)
			}
		}
	}
	at[0], at[1], at[2] = 0, 0, 1
	got := With(s, at.rules(s, all))
	if f := &got.Stages[0]; f.Threshold != 0 || f.Hazard.Below != never || f.Patience != nil || got.Stages[1].Threshold != 0 {
		t.Errorf("%+v", got.Stages)
	}
	if s.Stages[0].Threshold != .3 || s.Stages[0].Hazard.Below != .25 {
		t.Error("the bundle's own cascade was changed")
	}
}
