package cascade

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// faultyModel is a model of two classes that answers, or, by its fault, "fails", "hangs"
// or gives "nan". If poison is set it always hangs on a row of two packets.
type faultyModel struct {
	mu      sync.Mutex
	fault   string
	poison  bool
	called  int
	release chan struct{} // closed when the fault changes
}

// set changes the fault; hanging calls then return.
func (m *faultyModel) set(fault string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = fault
	close(m.release)
	m.release = make(chan struct{})
}

func (m *faultyModel) calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.called
}

func (m *faultyModel) Predict(rows []float32, n int, out []float64) error {
	m.mu.Lock()
	fault, release := m.fault, m.release
	m.called++
	m.mu.Unlock()
	for i := range n {
		out[2*i], out[2*i+1] = .1, .9
		if fault == "nan" {
			out[2*i] = math.NaN()
		}
		if m.poison && rows[i] == 2 {
			fault = "hangs"
		}
	}
	switch fault {
	case "hangs":
		<-release
	case "fails":
		return errors.New("out of order")
	}
	return nil
}

// running is a cascade at work, whose slow stage has a faulty model.
type running struct {
	rig     *rig
	model   *faultyModel
	stop    context.CancelFunc
	stopped chan error
}

// withFaults runs a test on a cascade of some fast models and a slow one, on a clock of
// its own. At the end it lets all hanging calls return.
func withFaults(t *testing.T, m *faultyModel, fast []Model, test func(*testing.T, *running)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m.release = make(chan struct{})
		depths := []int{1, 2}[2-len(fast)-1:]
		c := &running{rig: newRig(spec(t, depths, append(fast, m)...), Config{Queue: 64, Batch: 32, Timeout: 2 * time.Second}),
			model: m, stopped: make(chan error, 1)}
		var ctx context.Context
		ctx, c.stop = context.WithCancel(context.Background())
		go func() { c.stopped <- c.rig.cascade.Run(ctx) }()
		test(t, c)
		c.stop()
		m.set("")
		synctest.Wait()
		if _, abandoned := c.rig.cascade.onlySlow().breaker.snapshot(); abandoned != 0 || c.rig.metrics(t)["slow_stuck_calls{s1}"] != 0 {
			t.Errorf("%d calls have not returned; the metric says %v", abandoned, c.rig.metrics(t)["slow_stuck_calls{s1}"])
		}
	})
}

// feed feeds n flows that all go to the slow stage.
func (c *running) feed(n int) {
	for range n {
		c.rig.feed([]int16{rst}, 0)
	}
	synctest.Wait()
}

// expect compares how many labels there are so far, by reason.
func (c *running) expect(t *testing.T, what string, want map[Reason]int) {
	t.Helper()
	synctest.Wait()
	c.rig.mu.Lock()
	defer c.rig.mu.Unlock()
	got := map[Reason]int{}
	for _, v := range c.rig.got {
		got[v.Reason]++
	}
	for reason, n := range want {
		if got[reason] != n {
			t.Errorf("%s: %d labels with reason %s, want %d; all: %v", what, got[reason], reason, n, got)
		}
	}
}

// wait lets time pass, and what is due by then happen.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// unsure is a fast stage that defers every flow.
func unsure() []Model { return []Model{says(.6)} }
