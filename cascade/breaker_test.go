package cascade

import (
	"fmt"
	"testing"
	"time"
)

// clock is a breaker with a time of its own.
type clock struct {
	breaker *breaker
	now     time.Time
}

func newClock() *clock {
	return &clock{breaker: &breaker{maxAbandoned: 1}, now: time.Unix(1e9, 0)}
}

// after lets time pass.
func (c *clock) after(d time.Duration) *clock {
	c.now = c.now.Add(d)
	return c
}

func (c *clock) expect(t *testing.T, what string, want state) {
	t.Helper()
	got, _ := c.breaker.snapshot()
	if got != want || c.breaker.rejecting.Load() != (want != closed) {
		t.Errorf("%s: state %d, want %d; rejecting %v", what, got, want, c.breaker.rejecting.Load())
	}
}

func TestBreakerStates(t *testing.T) {
	c := newClock()
	b := c.breaker
	c.expect(t, "at the start", closed)
	if minOpen != time.Second || maxOpen != 30*time.Second {
		t.Errorf("open for %v to %v", minOpen, maxOpen)
	}
	for range 4 {
		if d := b.failed(c.now); d != 0 {
			t.Errorf("a failure below the threshold opens it for %v", d)
		}
	}
	c.expect(t, "below the threshold", closed)
	if d := b.failed(c.now); d != minOpen {
		t.Errorf("opened for %v", d)
	}
	c.expect(t, "at the threshold", open)
	if b.timedOut(c.now) != 0 {
		t.Error("an open breaker opens again")
	}
	b.keepSample([]float32{7})
	if row := b.beginProbe(c.after(minOpen-1).now, nil); row != nil {
		t.Errorf("probed early: %v", row)
	}
	row := b.beginProbe(c.after(1).now, []float32{8})
	b.keepSample([]float32{9})
	if fmt.Sprint(row) != "[7]" {
		t.Errorf("probed with %v, want the sample, whatever comes later", row)
	}
	c.expect(t, "while a probe is under way", halfOpen)
	if b.beginProbe(c.after(minOpen).now, []float32{8}) != nil {
		t.Error("two probes at once")
	}
	if d := b.endProbe(c.after(time.Second).now, false); d != 3*time.Second {
		t.Errorf("rejected for %v", d)
	}
	c.expect(t, "after a failed probe", open)
	if b.beginProbe(c.after(2*minOpen-1).now, []float32{8}) != nil {
		t.Error("probed again before twice the time")
	}
	if row = b.beginProbe(c.after(1).now, []float32{8}); fmt.Sprint(row) != "[9]" {
		t.Errorf("probed with %v, want the new sample", row)
	}
	if d := b.endProbe(c.now, true); d != 5*time.Second {
		t.Errorf("rejected for %v", d)
	}
	c.expect(t, "after a good probe", closed)
	for range 4 {
		b.failed(c.now)
	}
	b.succeeded()
	for range 4 {
		b.failed(c.now)
	}
	c.expect(t, "failures count from 0 again", closed)
	if d := b.failed(c.now); d != 4*minOpen {
		t.Errorf("opened for %v", d)
	}
}

// The time to the first probe doubles if the breaker opens soon after it closed.
func TestBreakerStaysOpenForLonger(t *testing.T) {
	c := newClock()
	b := c.breaker
	for _, step := range []struct {
		after time.Duration // since it closed
		want  time.Duration
	}{
		{0, minOpen}, {0, 2 * minOpen}, {maxOpen, 4 * minOpen}, {maxOpen + 1, minOpen},
		{0, 2 * minOpen}, {0, 4 * minOpen}, {0, 8 * minOpen}, {0, 16 * minOpen}, {0, maxOpen}, {0, maxOpen},
	} {
		if got := b.timedOut(c.after(step.after).now); got != step.want {
			t.Errorf("opened %v after it closed, for %v, want %v", step.after, got, step.want)
		}
		b.keepSample([]float32{1})
		if b.beginProbe(c.after(step.want).now, nil) == nil {
			t.Fatal("no probe")
		}
		b.endProbe(c.now, true)
	}
}

func TestFailedProbesWaitForLonger(t *testing.T) {
	c := newClock()
	b := c.breaker
	b.timedOut(c.now)
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		if b.beginProbe(c.after(want*time.Second-1).now, []float32{1}) != nil {
			t.Errorf("probed before %d s", want)
		}
		if b.beginProbe(c.after(1).now, []float32{1}) == nil {
			t.Errorf("no probe after %d s", want)
		}
		b.endProbe(c.now, false)
	}
}

// A probe that cannot begin is put off by a second.
func TestProbeIsPutOff(t *testing.T) {
	c := newClock()
	b := c.breaker
	b.timedOut(c.now)
	if d := b.untilProbe(c.now); d != minOpen {
		t.Errorf("%v until the probe", d)
	}
	if d := b.untilProbe(c.after(minOpen / 4).now); d != minOpen*3/4 {
		t.Errorf("%v until the probe", d)
	}
	c.after(minOpen * 3 / 4)
	if b.beginProbe(c.now, nil) != nil {
		t.Error("a probe of nothing")
	}
	if d := b.untilProbe(c.now); d != minOpen {
		t.Errorf("%v until the next try", d)
	}
	b.addAbandoned(2)
	if b.beginProbe(c.after(minOpen).now, []float32{1}) != nil {
		t.Error("a probe though two abandoned calls still run, and one may")
	}
	b.addAbandoned(-1)
	if b.beginProbe(c.after(minOpen).now, []float32{1}) == nil {
		t.Error("no probe though no more abandoned calls run than may")
	}
	b.endProbe(c.now, false)
	b.endProbe(c.now, false)
	if d := b.untilProbe(c.now); d != minOpen {
		t.Errorf("the breaker is looked at again after %v, want a second at most", d)
	}
}

// Samples of an earlier opening are not asked about.
func TestSampleIsForgottenWhenTheBreakerOpens(t *testing.T) {
	c := newClock()
	b := c.breaker
	b.keepSample([]float32{1})
	b.timedOut(c.now)
	if row := b.beginProbe(c.after(minOpen).now, nil); row != nil {
		t.Errorf("probed with %v", row)
	}
	b.keepSample([]float32{2})
	b.beginProbe(c.after(minOpen).now, nil)
	b.endProbe(c.now, false)
	if row := b.beginProbe(c.after(2*minOpen).now, nil); row != nil {
		t.Errorf("probed with %v again", row)
	}
}
