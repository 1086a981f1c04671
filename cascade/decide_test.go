package cascade

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

func TestDecide(t *testing.T) {
	long := []int16{0, 0, 0, 0}
	cases := []struct {
		name   string
		models []Model
		depths []int
		flags  []int16
		late   time.Duration
		want   string
	}{
		{"sure at once", []Model{says(.9), says(0)}, []int{1, 3}, long, 0, "u a s0 confident final"},
		{"unsure: the last stage answers, sure or not", []Model{says(.7), says(.4)}, []int{1, 3}, long, 0, "u b s1 last_stage final"},
		{"waits for the depth", []Model{says(.7), says(.4)}, []int{1, 9}, long, 0, ""},
		{"the middle stage is sure", []Model{says(.6), says(.1), says(1)}, []int{1, 2, 3}, long, 0, "u b s1 confident final"},
		{"the flow ends first", []Model{says(.6), says(.3)}, []int{1, 9}, []int16{0, rst}, 0, "u b s1 flow_end final"},
		{"the next packet does not come", []Model{says(.6), says(.3)}, []int{1, 9}, []int16{0, 0}, 2 * time.Second, "u b s1 timeout final"},
		{"a closed flow at full depth is not cut short", []Model{says(.9), says(.3)}, []int{1, 9}, []int16{rst}, 0, "u a s0 confident final"},
		{"one stage alone", []Model{says(.3)}, []int{2}, long, 0, "u b s0 last_stage final"},
		{"the fast model fails", []Model{modelFunc(fails), says(.3)}, []int{1, 2}, long, 0, "u b s1 last_stage final"},
		{"the slow model fails", []Model{says(.6), modelFunc(fails)}, []int{1, 2}, long, 0, "u a s0 degraded final"},
		{"the last two of three fail", []Model{says(.6), modelFunc(fails), modelFunc(fails)}, []int{1, 2, 3}, long, 0, "u a s0 degraded final"},
		{"the first and the last of three fail", []Model{modelFunc(fails), says(.4), modelFunc(fails)}, []int{1, 2, 3}, long, 0, "u b s1 degraded final"},
	}
	for _, c := range cases {
		for _, queued := range []bool{true, false} {
			s := spec(t, c.depths, c.models...)
			s.Stages[len(s.Stages)-1].Slow = queued
			r := newRig(s, Config{})
			r.feed(c.flags, c.late)
			r.drain()
			if got := r.verdicts(); got != c.want {
				t.Errorf("%s (queued %v): got %q, want %q", c.name, queued, got, c.want)
			}
		}
	}
}

// Equal scores give an uncertainty of exactly one half.
func TestUncertaintyAtTheThresholdIsSure(t *testing.T) {
	for _, c := range []struct {
		threshold float64
		want      string
	}{
		{.5, "u a s0 confident final"},
		{math.Nextafter(.5, 0), "u b s1 last_stage final"},
	} {
		s := spec(t, []int{1, 1}, says(0), says(0))
		s.Stages[0].Model = modelFunc(func(_ []float32, out []float64) error { out[0], out[1] = 3, 3; return nil })
		s.Stages[0].Output, s.Stages[0].Threshold = Scores, c.threshold
		r := newRig(s, Config{})
		r.feed([]int16{0}, 0)
		r.drain()
		if got := r.verdicts(); got != c.want {
			t.Errorf("threshold %v: got %q, want %q", c.threshold, got, c.want)
		}
	}
}

func TestFlowThatNoModelAnswersIsCounted(t *testing.T) {
	for _, queued := range []bool{true, false} {
		s := spec(t, []int{1, 2}, modelFunc(fails), modelFunc(fails))
		s.Stages[1].Slow = queued
		r := newRig(s, Config{})
		r.feed([]int16{0, 0}, 0)
		r.drain()
		if unlabelled := r.metrics(t)["flows_unlabelled_total"]; len(r.got) != 0 || unlabelled != 1 || r.acked != 1 {
			t.Errorf("queued %v: %d verdicts, %v counted, %d acknowledged: want 0, 1, 1", queued, len(r.got), unlabelled, r.acked)
		}
	}
}

func TestProvisional(t *testing.T) {
	for _, c := range []struct {
		name   string
		models []Model
		depths []int
		flags  []int16
		want   string
	}{
		{"comes before the final one", []Model{says(.6), says(.1)}, []int{1, 2}, []int16{0, 0},
			"u a s0 provisional provisional; u b s1 last_stage final"},
		{"while the flow waits for packets", []Model{says(.6), says(.1)}, []int{1, 2}, []int16{0}, "u a s0 provisional provisional"},
		{"of the first stage alone", []Model{says(.6), says(.6), says(.1)}, []int{1, 1, 1}, []int16{0},
			"u a s0 provisional provisional; u b s2 last_stage final"},
		{"not of a sure stage", []Model{says(.9), says(.1)}, []int{1, 2}, []int16{0, 0}, "u a s0 confident final"},
		{"not of a closed flow", []Model{says(.6), says(.1)}, []int{1, 2}, []int16{rst}, "u b s1 flow_end final"},
		{"not of a model that failed", []Model{modelFunc(fails), says(.1)}, []int{1, 2}, []int16{0, 0}, "u b s1 last_stage final"},
	} {
		r := newRig(spec(t, c.depths, c.models...), Config{Provisional: true})
		r.feed(c.flags, 0)
		r.drain()
		if got := r.verdicts(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		for _, v := range r.got {
			if v.Final != (v.Acker != nil) || v.Final != (v.Seq == len(c.models)) || !v.Final && v.Seq != 0 {
				t.Errorf("%s: final %v, Acker %v, seq %d: the final one has the higher seq and the Acker", c.name, v.Final, v.Acker, v.Seq)
			}
		}
	}
}

// A record of conn.log goes through as many stages as it takes, and waits for nothing.
func TestConnIsDecidedAtTheRecord(t *testing.T) {
	for _, c := range []struct {
		name   string
		models []Model
		want   string
	}{
		{"one stage", []Model{says(.3)}, "u b s0 flow_end final"},
		{"sure at once", []Model{says(.9), says(0)}, "u a s0 flow_end final"},
		{"unsure: the last stage answers", []Model{says(.6), says(.4)}, "u b s1 flow_end final"},
		{"the slow model fails", []Model{says(.6), modelFunc(fails)}, "u a s0 degraded final"},
	} {
		for _, queued := range []bool{true, false} {
			s := spec(t, []int{1, 1}[:len(c.models)], c.models...)
			s.Stages[len(s.Stages)-1].Slow = queued
			r := newRig(s, Config{Provisional: true})
			r.feedConn(&zeek.ConnFields{})
			r.drain()
			if got := r.verdicts(); got != c.want {
				t.Errorf("%s (queued %v): got %q, want %q", c.name, queued, got, c.want)
			}
		}
	}
}

// Each stage gets the features of as many packets as it looks at.
func TestStagesSeeTheirFeatures(t *testing.T) {
	for queued, want := range map[bool]string{true: "[1 3 1 3 4 4]", false: "[1 3 4 1 3 4]"} {
		var rows []float32
		sees := modelFunc(func(row []float32, out []float64) error {
			rows = append(rows, row...)
			return says(.6)(row, out)
		})
		s := spec(t, []int{1, 3, 4}, sees, sees, sees)
		s.Stages[2].Slow = queued
		r := newRig(s, Config{Queue: 2})
		for range 2 {
			r.feed([]int16{0, 0, 0, 0, 0}, 0)
		}
		r.drain()
		if fmt.Sprint(rows) != want {
			t.Errorf("queued %v: the models see %v packets, want %s", queued, rows, want)
		}
		if fmt.Sprint(r.waits) != "[3 4 3 4]" {
			t.Errorf("the flow waits for %v packets", r.waits)
		}
	}
}

// The time that the features of the slow stage take counts, too.
func TestTimeOfTheSlowStagesFeatures(t *testing.T) {
	r := newRig(spec(t, []int{1}, says(.9)), Config{})
	r.feed([]int16{0}, 0)
	if j := <-r.cascade.onlySlow().queue; j.verdict.Computed <= 0 {
		t.Errorf("computed in %v", j.verdict.Computed)
	}
}

func TestResizeKeepsWhatIsLargeEnough(t *testing.T) {
	s := make([]int, 3)
	for n, same := range map[int]bool{2: true, 3: true, 4: false} {
		if got := resize(s, n); len(got) != n || (&got[0] == &s[0]) != same {
			t.Errorf("to %d: %d, the same array %v", n, len(got), &got[0] == &s[0])
		}
	}
}
