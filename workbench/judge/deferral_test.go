package judge

import "testing"

// Four flows of class a and b: the first stage has two right, the last one three.
func TestDeferral(t *testing.T) {
	first := collect([]said{{"a", "x", "a", .9, "first", 0}, {"a", "x", "b", .6, "first", 0}, {"b", "x", "b", .8, "first", 0}, {"b", "x", "a", .7, "first", 0}})
	last := collect([]said{{"a", "x", "a", .9, "slow", 0}, {"a", "x", "a", .9, "slow", 0}, {"b", "x", "a", .9, "slow", 0}, {"b", "x", "b", .9, "slow", 0}})
	whole := collect([]said{{"a", "x", "a", .9, "first", 0}, {"a", "x", "a", .9, "slow", 0}, {"b", "x", "b", .8, "first", 0}, {"b", "x", "b", .9, "slow", 0}})
	d := Judge(whole, []Stage{{"first", first}, {"slow", last}}).Deferral
	three := (2*2./5 + 2*1./3) / 2 // macro-F1 with three of four right, one b called a
	for _, c := range []struct{ share, rule, random, oracle float64 }{
		{0, .5, .5, .5},
		{.25, three, -1, .75}, // the oracle has no order among the two that the last stage mends: half of each
		{.5, 1, (3/4.5 + 2/3.5) / 2, 1},
		{.75, three, -1, 1}, // the rule now defers the one that the last stage spoils
		{1, three, three, three},
	} {
		p := d.Points[int(c.share*steps)]
		if p.Share != c.share || !near(p.Rule.Value, c.rule) || c.random >= 0 && !near(p.Random.Value, c.random) || !near(p.Oracle.Value, c.oracle) {
			t.Errorf("at %v: rule %v, random %v, oracle %v; want %+v", p.Share, p.Rule.Value, p.Random.Value, p.Oracle.Value, c)
		}
	}
	if d.At.Value != .5 || d.Here.Value != 1 || d.First != "first" || d.Last != "slow" || d.Gain.Value < .6 || d.Gain.Value > .8 {
		t.Errorf("%v deferred, macro-F1 %v, gain %+v of %s and %s", d.At.Value, d.Here.Value, d.Gain, d.First, d.Last)
	}
}

// Flows that are equally uncertain are deferred together, each by the same part.
func TestDeferralOfEquals(t *testing.T) {
	first := collect([]said{{"a", "x", "a", .6, "first", 0}, {"a", "x", "b", .6, "first", 0}, {"b", "x", "b", .6, "first", 0}, {"b", "x", "a", .6, "first", 0}})
	last := collect([]said{{"a", "x", "a", .9, "slow", 0}, {"a", "x", "a", .9, "slow", 0}, {"b", "x", "a", .9, "slow", 0}, {"b", "x", "b", .9, "slow", 0}})
	d := Judge(first, []Stage{{"first", first}, {"slow", last}}).Deferral
	for _, p := range d.Points {
		if !near(p.Rule.Value, p.Random.Value) || p.Oracle.Value < p.Rule.Value-1e-9 {
			t.Errorf("%+v", p)
		}
	}
	if d.Gain.Value != 0 {
		t.Errorf("gain %v", d.Gain.Value)
	}
}
