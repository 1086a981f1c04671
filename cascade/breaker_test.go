package cascade

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// patient is a model of two classes that behaves as its mood says: it answers,
// fails, gives NaN or hangs. A row of two packets is poison: it hangs on that always.
type patient struct {
	mu      sync.Mutex
	mood    string
	poison  bool
	asked   int
	release chan struct{} // closed at the end of the test
}

// turn changes the mood; hanging calls then return.
func (m *patient) turn(mood string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mood = mood
	close(m.release)
	m.release = make(chan struct{})
}

func (m *patient) calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

func (m *patient) Predict(rows []float32, n int, out []float64) error {
	m.mu.Lock()
	mood, release := m.mood, m.release
	m.asked++
	m.mu.Unlock()
	for i := range n {
		out[2*i], out[2*i+1] = .1, .9
		if mood == "nan" {
			out[2*i] = math.NaN()
		}
		if m.poison && rows[i] == 2 {
			mood = "hangs"
		}
	}
	switch mood {
	case "hangs":
		<-release
	case "fails":
		return errors.New("out of order")
	}
	return nil
}

// clinic is a running cascade of a fast stage and a patient, on a clock of its own.
type clinic struct {
	*rig
	model *patient
	stop  context.CancelFunc
	over  chan error
}

// visit runs a test on a cascade with the models before the slow one, and lets all
// hanging calls return at its end.
func visit(t *testing.T, m *patient, before []Model, test func(*testing.T, *clinic)) {
	synctest.Test(t, func(t *testing.T) {
		m.release = make(chan struct{})
		depths := []int{1, 2}[2-len(before)-1:]
		c := &clinic{rig: newRig(spec(t, depths, append(before, m)...), Config{Queue: 64, Batch: 32, Timeout: 2 * time.Second}),
			model: m, over: make(chan error, 1)}
		var ctx context.Context
		ctx, c.stop = context.WithCancel(context.Background())
		go func() { c.over <- c.Run(ctx) }()
		test(t, c)
		c.stop()
		m.turn("well")
		synctest.Wait()
		if _, lost := c.breaker.look(); lost != 0 {
			t.Errorf("%d calls have not returned", lost)
		}
	})
}

// flows feeds n flows that all go to the slow stage, and waits until every goroutine
// is blocked. It returns nothing: reasons counts the labels.
func (c *clinic) flows(n int) {
	for range n {
		c.feed([]int16{rst}, 0)
	}
	synctest.Wait()
}

func (c *clinic) reasons() map[Reason]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[Reason]int{}
	for _, v := range c.got {
		all[v.Reason]++
	}
	return all
}

func (c *clinic) expect(t *testing.T, what string, want map[Reason]int) {
	t.Helper()
	synctest.Wait()
	got := c.reasons()
	for reason, n := range want {
		if got[reason] != n {
			t.Errorf("%s: %d labels with reason %s, want %d; all: %v", what, got[reason], reason, n, got)
		}
	}
}

// pass lets time pass, and what is due by then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

var unsure = []Model{says(.6)}

func TestHangOpensTheBreaker(t *testing.T) {
	visit(t, &patient{mood: "hangs"}, unsure, func(t *testing.T, c *clinic) {
		c.flows(40)
		c.expect(t, "until the timeout all wait", map[Reason]int{Breaker: 0})
		pass(2 * time.Second)
		c.expect(t, "then all that waited go out", map[Reason]int{Breaker: 40})
		c.flows(1000)
		c.expect(t, "and those behind them at once", map[Reason]int{Breaker: 1040})
		if n := c.model.calls(); n != 1 {
			t.Errorf("the model was asked %d times while away", n)
		}
		for range 600 {
			pass(6 * time.Second)
			c.flows(1)
		}
		if _, lost := c.breaker.look(); lost != 2+spare || c.model.calls() != lost {
			t.Errorf("%d calls hang of %d: with one worker %d may", lost, c.model.calls(), 2+spare)
		}
		if abandoned, stuck := testutil.ToFloat64(c.metrics.abandoned), testutil.ToFloat64(c.metrics.stuck); abandoned != 2+spare || stuck != 2+spare {
			t.Errorf("the metrics say that %v calls were given up, and %v hang", abandoned, stuck)
		}
		if c.Ready() != nil {
			t.Errorf("labels flow, so it is ready, but it says: %v", c.Ready())
		}
	})
}

func TestBreakerClosesWhenTheModelIsWell(t *testing.T) {
	visit(t, &patient{mood: "hangs"}, unsure, func(t *testing.T, c *clinic) {
		c.flows(1)
		pass(2 * time.Second)
		c.model.turn("well")
		c.flows(3)
		c.expect(t, "still away", map[Reason]int{Breaker: 4})
		pass(briefest)
		c.flows(5)
		c.expect(t, "closed by the probe, which no flow waited for", map[Reason]int{Breaker: 4, FlowEnd: 5})
		if n := testutil.ToFloat64(c.metrics.breaker); n != float64(closed) {
			t.Errorf("the metric says %v", n)
		}
	})
}

func TestFailuresInARowOpenTheBreaker(t *testing.T) {
	for _, mood := range []string{"fails", "nan"} {
		t.Run(mood, func(t *testing.T) {
			visit(t, &patient{mood: mood}, unsure, func(t *testing.T, c *clinic) {
				c.flows(inARow - 1)
				c.expect(t, "each is its own failure", map[Reason]int{Degraded: inARow - 1, Breaker: 0})
				c.model.turn("well")
				c.flows(1)
				c.model.turn(mood)
				c.flows(inARow - 1)
				c.expect(t, "one answer between them counts", map[Reason]int{Degraded: 2 * (inARow - 1), FlowEnd: 1, Breaker: 0})
				c.flows(1)
				c.flows(6)
				c.expect(t, "the last straw", map[Reason]int{Degraded: 2*(inARow-1) + 1, FlowEnd: 1, Breaker: 6})
				kind := map[string]string{"fails": "error", "nan": "nan"}[mood]
				if n := testutil.ToFloat64(c.metrics.failures.WithLabelValues("s1", kind)); n != 2*(inARow-1)+1 {
					t.Errorf("%v failures are counted as %s", n, kind)
				}
			})
		})
	}
}

func TestPausesGrowWhileTheModelStaysSick(t *testing.T) {
	visit(t, &patient{mood: "fails"}, unsure, func(t *testing.T, c *clinic) {
		c.flows(inARow)
		for range 600 {
			pass(time.Second)
			c.flows(1)
		}
		if n := c.model.calls() - inARow; n < 20 || n > 30 { // 1+2+4+8+16 s, then each 30 s, all a second later at most
			t.Errorf("%d probes in ten minutes", n)
		}
	})
}

// A flow that makes the model hang is given up itself; the others of its batch wait,
// and get their label.
func TestFlowsThatNothingElseAnsweredWait(t *testing.T) {
	visit(t, &patient{mood: "hangs"}, nil, func(t *testing.T, c *clinic) {
		c.flows(1) // alone: it is given up
		c.flows(40)
		pass(3 * time.Second)
		c.expect(t, "nothing is said", map[Reason]int{FlowEnd: 0, Breaker: 0})
		if n := testutil.ToFloat64(c.metrics.unlabelled); n != 1 {
			t.Errorf("%v flows are given up: only one was asked about alone", n)
		}
		if err := c.Ready(); err == nil || !strings.Contains(err.Error(), "40 flows that no earlier stage answered wait") {
			t.Errorf("ready says %v", err)
		}
		c.model.turn("well")
		c.flows(1)
		pass(time.Minute)
		c.expect(t, "all others are answered", map[Reason]int{FlowEnd: 41})
		if err := c.Ready(); err != nil {
			t.Error(err)
		}
	})
}

// While all hang, flows without an answer fill the queue and hold the input back. A
// stop then ends it; what waited keeps its pin, so that it is read again.
func TestStopWhileFlowsWait(t *testing.T) {
	visit(t, &patient{mood: "hangs"}, nil, func(t *testing.T, c *clinic) {
		fed := make(chan struct{})
		go func() {
			for range 200 {
				c.feed([]int16{rst}, 0)
			}
			close(fed)
		}()
		pass(time.Minute)
		select {
		case <-fed:
			t.Error("the input is not held back")
		default:
		}
		c.stop()
		<-c.over
		<-fed
		if n := testutil.ToFloat64(c.metrics.unlabelled); len(c.got) != 0 || n != float64(c.acked) || n > 2 {
			t.Errorf("%d labels, %v flows given up, %d let go of", len(c.got), n, c.acked)
		}
	})
}

func TestStopDoesNotWaitForAHangingCall(t *testing.T) {
	visit(t, &patient{mood: "hangs"}, unsure, func(t *testing.T, c *clinic) {
		c.flows(10)
		began := time.Now()
		c.stop()
		<-c.over
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %v", waited)
		}
		if c.acked != 0 {
			t.Error("a flow under way was let go of")
		}
	})
}

func TestPoisonCostsOthersNoLabel(t *testing.T) {
	visit(t, &patient{poison: true}, nil, func(t *testing.T, c *clinic) {
		c.decider.spec.Stages[0].Depth = 2
		c.feed([]int16{0, 0}, 0)
		c.flows(10)
		pass(10 * time.Minute)
		c.flows(10)
		pass(10 * time.Minute)
		c.expect(t, "those of one packet are answered", map[Reason]int{FlowEnd: 20})
		if n := testutil.ToFloat64(c.metrics.unlabelled); n != 1 {
			t.Errorf("%v flows are given up, want the poison alone", n)
		}
	})
}

func TestLongWaitCountsAsAFullQueue(t *testing.T) {
	r := newRig(spec(t, []int{1, 1}, says(.6), says(.1)), Config{Queue: 100, Batch: 1, Wait: time.Second})
	r.pace.Store(int64(300 * time.Millisecond))
	for range 6 {
		r.feed([]int16{0}, 0)
	}
	if got, want := r.verdicts(), "u a s0 degraded final; u a s0 degraded final"; got != want {
		t.Errorf("at 0.3 s a flow, 4 of 6 have room within a second: got %q, want %q", got, want)
	}
}

// A replay is to be repeatable, so it waits for the model however sick that is.
func TestPatientCascadeHasNoBreaker(t *testing.T) {
	r := newRig(spec(t, []int{1, 1}, says(.6), modelFunc(fails)), Config{Queue: 100, Patient: true})
	for range 20 {
		r.feed([]int16{0}, 0)
	}
	r.drain()
	if got := strings.Count(r.verdicts(), "degraded"); got != 20 {
		t.Errorf("%d of 20 are degraded: %s", got, r.verdicts())
	}
}

func TestNumbersThatAreNoAnswer(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		out  Output
		row  []float64
		fine bool
	}{
		{Scores, []float64{-1000, 1000}, true},
		{Scores, []float64{nan, 1}, false},
		{Scores, []float64{inf, 1}, false},
		{Scores, []float64{-inf, 1}, false},
		{Probabilities, []float64{0, 1}, true},
		{Probabilities, []float64{.50001, .50001}, true},
		{Probabilities, []float64{0, 0}, false},
		{Probabilities, []float64{.9, .9}, false},
		{Probabilities, []float64{-.5, 1.5}, false},
		{Probabilities, []float64{nan, 1}, false},
	} {
		for _, fast := range []bool{true, false} {
			says := modelFunc(func(_ []float32, out []float64) error { copy(out, c.row); return nil })
			s := spec(t, []int{1, 1}, says, modelFunc(fails))
			if !fast {
				s = spec(t, []int{1}, says)
			}
			s.Stages[0].Output, s.Stages[0].Threshold = c.out, 1
			r := newRig(s, Config{})
			r.feed([]int16{0}, 0)
			r.drain()
			if answered := len(r.got) == 1; answered != c.fine {
				t.Errorf("%s %v (fast %v): answered %v", c.out, c.row, fast, answered)
			}
		}
	}
}

// A process that was halted finds all deadlines past, though the model has had no time.
func TestHaltedProcessGivesTheModelItsTimeAgain(t *testing.T) {
	visit(t, &patient{}, unsure, func(t *testing.T, c *clinic) {
		w, q := newSlow(c.Cascade), &call{done: make(chan error, 1)}
		time.AfterFunc(time.Second, func() { q.done <- nil })
		if err := w.wait(context.Background(), time.Now().Add(-45*time.Second), q); err != nil {
			t.Errorf("a call that was on its way before a halt: %v", err)
		}
		if err := w.wait(context.Background(), time.Now().Add(-45*time.Second), q); !errors.Is(err, errHung) {
			t.Errorf("but not for ever: %v", err)
		}
	})
}
