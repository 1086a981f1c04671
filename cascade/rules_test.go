package cascade

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/cascade/nprint"
)

// at gives probabilities of class a by the number of packets looked at, from 1 on.
func at(t *testing.T, p ...float64) modelFunc {
	return func(row []float32, out []float64) error {
		if n := int(row[0]); n >= 1 && n <= len(p) {
			return says(p[n-1])(row, out)
		}
		t.Errorf("asked about %v packets", row[0])
		return nil
	}
}

// side is a side model whose second class has about probability 1 or 0, by the packets.
func side(t *testing.T, yes func(packets int) bool) *Side {
	features, err := nprint.New([]string{"packets"})
	if err != nil {
		t.Fatal(err)
	}
	return &Side{Name: "side", Features: features, Columns: []int{1}, Width: 2,
		Answer: []AnswerFeature{{0, func(a *answer.Answer) float64 { return a.P[0] - a.P[1] }}},
		Model: modelFunc(func(row []float32, out []float64) error {
			if out[0], out[1] = 0, -9; yes(int(row[1])) {
				out[1] = 9
			}
			return nil
		})}
}

const ms = time.Millisecond

// Stages of which one looks at any number of packets are asked at each, until one is sure.
func TestAnyDepth(t *testing.T) {
	for _, c := range []struct {
		name   string
		models []Model
		depths [][2]int
		flags  []int16
		late   time.Duration
		want   string
	}{
		{"sure at the third packet", []Model{at(t, .6, .7, .9), at(t, 0, 0, 0, 0, 0)}, [][2]int{{1, 4}, {5, 0}}, []int16{0, 0, 0, 0, 0}, 0, "u a s0 confident final 3"},
		{"never sure, and the next stage's turn", []Model{at(t, .6, .7, .7, .7), at(t, 0, 0, 0, 0, .4)}, [][2]int{{1, 4}, {5, 0}}, []int16{0, 0, 0, 0, 0}, 0, "u b s1 last_stage final 5"},
		{"up to the next stage's depth", []Model{at(t, .6, .7, .7), at(t, 0, 0, .9), at(t, 0, 0, 0, 0)}, [][2]int{{1, 9}, {3, 0}, {4, 0}}, []int16{0, 0, 0}, 0, "u a s1 confident final 3"},
		{"a dearer model on the same packet", []Model{at(t, .6), at(t, .7, .9), at(t, 0, 0, 0, 0)}, [][2]int{{1, 0}, {1, 3}, {4, 0}}, []int16{0, 0}, 0, "u a s1 confident final 2"},
		{"the last stage itself", []Model{at(t, .6), at(t, .7, .6, .4)}, [][2]int{{1, 0}, {1, 3}}, []int16{0, 0, 0}, 0, "u b s1 last_stage final 3"},
		{"the last stage is sure early", []Model{at(t, .6), at(t, .7, .9)}, [][2]int{{1, 0}, {1, 3}}, []int16{0, 0}, 0, "u a s1 confident final 2"},
		{"the flow ends: its answer stands", []Model{at(t, .6), at(t, .7, .6)}, [][2]int{{1, 0}, {1, 9}}, []int16{0, rst}, 0, "u a s1 flow_end final 2"},
		{"the next packet does not come", []Model{at(t, .6), at(t, .7, .6)}, [][2]int{{1, 0}, {1, 9}}, []int16{0, 0}, 2 * time.Second, "u a s1 timeout final 2"},
		{"it does not come, and another stage answers", []Model{at(t, .6, .6), at(t, 0, .4)}, [][2]int{{1, 9}, {10, 0}}, []int16{0, 0}, 2 * time.Second, "u b s1 timeout final 2"},
		{"its model fails", []Model{modelFunc(fails), at(t, 0, .4)}, [][2]int{{1, 9}, {2, 0}}, []int16{0, 0}, 0, "u b s1 last_stage final 2"},
	} {
		depths := make([]int, len(c.depths))
		s := spec(t, depths, c.models...)
		for i, d := range c.depths {
			s.Stages[i].Depth, s.Stages[i].MaxDepth, s.Stages[i].Slow = d[0], d[1], false
		}
		r := newRig(s, Config{})
		r.feed(c.flags, c.late)
		if got := r.seen(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// A flow has one provisional label, however often the first stage is asked: a second one would
// have the same id.
func TestOneProvisionalLabelAtAnyDepth(t *testing.T) {
	s := spec(t, []int{1, 4}, at(t, .6, .4, .6), says(1))
	s.Stages[0].MaxDepth, s.Stages[1].Slow = 3, false
	r := newRig(s, Config{Provisional: true})
	r.feed([]int16{0, 0, 0, 0}, 0)
	if got, want := r.seen(), "u a s0 provisional provisional 1; u a s1 last_stage final 4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// seen are the verdicts with how many packets each looked at.
func (r *rig) seen() string {
	var all []string
	for i, words := range strings.Split(r.verdicts(), "; ") {
		if i < len(r.got) {
			words += fmt.Sprint(" ", r.got[i].Packets)
		}
		all = append(all, words)
	}
	return strings.Join(all, "; ")
}

// The answer that stands goes out at once where no packet is likely to come, whether or not one
// lies there already.
func TestHazard(t *testing.T) {
	for _, c := range []struct {
		name  string
		comes func(packets int) bool
		flags []int16
		want  string
	}{
		{"no packet will come", func(int) bool { return false }, []int16{0}, "u a s0 no_more final 1"},
		{"one comes", func(int) bool { return true }, []int16{0, 0, 0}, "u b s2 last_stage final 3"},
		{"after the second stage none", func(n int) bool { return n < 2 }, []int16{0, 0}, "u a s1 no_more final 2"},
		{"a flow that has ended is not asked about", func(int) bool { return false }, []int16{rst}, "u b s2 flow_end final 1"},
		{"a sure answer is that", func(int) bool { return false }, []int16{0}, "u a s0 confident final 1"},
	} {
		s := spec(t, []int{1, 2, 3}, at(t, .6), at(t, .7, .7), at(t, .4, .4, .4))
		s.Stages[2].Slow = false
		for i := range 2 {
			s.Stages[i].Hazard = &Hazard{Model: side(t, c.comes), Below: .5}
		}
		if strings.HasPrefix(c.name, "a sure") {
			s.Stages[0].Threshold = .5
		}
		r := newRig(s, Config{})
		r.feed(c.flags, 0)
		if got := r.seen(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// A hazard that fails is counted, and the flow waits as if there were none.
func TestHazardThatFails(t *testing.T) {
	s := spec(t, []int{1, 2}, at(t, .6), at(t, 0, .4))
	m := side(t, func(int) bool { return false })
	m.Model = modelFunc(fails)
	s.Stages[0].Hazard, s.Stages[1].Slow = &Hazard{Model: m, Below: .5}, false
	r := newRig(s, Config{})
	r.feed([]int16{0, 0}, 0)
	if got := r.seen(); got != "u b s1 last_stage final 2" || r.metrics(t)["model_failures_total{error,side}"] != 1 {
		t.Error(got, r.metrics(t))
	}
}

func TestPatience(t *testing.T) {
	for _, c := range []struct {
		name    string
		rules   []Patience
		packets []packet
		late    time.Duration
		want    string
	}{
		{"the packet comes in time", []Patience{{Wait: 5 * ms}}, []packet{{1, 0, 0}, {2, 0, 5 * ms}, {3, 0, 6 * ms}}, 0, "u b s2 last_stage final 3"},
		{"it comes too late", []Patience{{Wait: 5 * ms}}, []packet{{1, 0, 0}, {2, 0, 6 * ms}}, 0, "u b s2 timeout final 1"},
		{"it does not come", []Patience{{Wait: 5 * ms}}, []packet{{1, 0, 0}}, 6 * ms, "u b s2 timeout final 1"},
		{"patience is not over", []Patience{{Wait: 5 * ms}}, []packet{{1, 0, 0}}, 4 * ms, ""},
		{"another class waits for as long as the flow", []Patience{{Classes: []int{1}, Wait: 5 * ms}}, []packet{{1, 0, 0}}, 500 * ms, ""},
		{"of this class", []Patience{{Classes: []int{1}, Wait: time.Minute}, {Classes: []int{0}, Wait: 5 * ms}}, []packet{{1, 0, 0}}, 6 * ms, "u b s2 timeout final 1"},
		{"by the packets so far", []Patience{{Packets: 2, Wait: 5 * ms}, {Wait: 100 * ms}}, []packet{{1, 0, 0}, {2, 0, 90 * ms}}, 6 * ms, "u b s2 timeout final 2"},
		{"a packet between two stages moves it on", []Patience{{Wait: 5 * ms}}, []packet{{1, 0, 0}, {2, 0, 4 * ms}, {3, 0, 8 * ms}}, 0, "u b s2 last_stage final 3"},
		{"behind a hole, in time", []Patience{{Wait: 5 * ms}}, []packet{{1, 0, 0}, {3, 0, 4 * ms}}, 8 * ms, "u b s2 timeout final 2"},
		{"behind a hole, too late", []Patience{{Wait: 5 * ms}}, []packet{{1, 0, 0}, {3, 0, 6 * ms}}, 8 * ms, "u b s2 timeout final 1"},
		{"an end behind it is not seen", []Patience{{Wait: 5 * ms}}, []packet{{1, 0, 0}, {2, rst, 6 * ms}}, 0, "u b s2 timeout final 1"},
	} {
		s := spec(t, []int{1, 3, 3}, at(t, .6), at(t, .7, .7, .7), at(t, .4, .4, .4))
		s.Stages[2].Slow = false
		s.Stages[0].Patience, s.Stages[1].Patience = c.rules, c.rules
		r := newRig(s, Config{})
		r.feedPackets(c.packets, c.late)
		if got := r.seen(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// Each task has a patience of its own, and the flow stays open for the others.
func TestPatienceIsTheTasks(t *testing.T) {
	hasty, calm := spec(t, []int{1, 2}, at(t, .6), at(t, .4, .4)), spec(t, []int{1, 2}, at(t, .6), at(t, .4, .4))
	hasty.Stages[0].Patience = []Patience{{Wait: 5 * ms}}
	hasty.Stages[1].Slow, calm.Stages[1].Slow = false, false
	r, other := newRig(hasty, Config{}), newRig(calm, Config{})
	r.tasks, r.decider = 2, Tasks{NewSlot(r.cascade, nil), NewSlot(other.cascade, nil)}.Decider()
	r.feedPackets([]packet{{1, 0, 0}}, 6*ms)
	if got, want := r.seen()+"|"+other.seen(), "u b s1 timeout final 1|"; got != want {
		t.Errorf("after 6 ms: %q, want %q", got, want)
	}
	r.feedPackets([]packet{{1, 0, 0}, {2, 0, 7 * ms}}, 0)
	if got, want := other.seen(), "u b s1 last_stage final 2"; got != want {
		t.Errorf("the calm task: %q, want %q", got, want)
	}
}

func TestThresholdsByClass(t *testing.T) {
	for p, want := range map[float64]string{.9: "u b s1 last_stage final 1", .2: "u b s0 confident final 1"} {
		s := spec(t, []int{1, 1}, at(t, p), at(t, .4))
		s.Stages[1].Slow, s.Stages[0].Thresholds = false, []float64{.05, .3}
		r := newRig(s, Config{})
		r.feed([]int16{0}, 0)
		if got := r.seen(); got != want || r.got[0].Threshold != map[float64]float64{.9: .2, .2: .3}[p] {
			t.Errorf("%v: got %q with threshold %v, want %q", p, got, r.got[0].Threshold, want)
		}
	}
}

// A missing packet makes the answer less sure.
func TestGapUncertainty(t *testing.T) {
	for extra, want := range map[float64]string{.05: "u a s0 timeout final 2", .15: "u b s1 timeout final 2"} {
		s := spec(t, []int{3, 3}, at(t, 0, .9), at(t, 0, .4))
		s.Stages[1].Slow, s.Stages[0].GapUncertainty = false, extra
		r := newRig(s, Config{})
		r.feedPackets([]packet{{1, 0, 0}, {3, 0, 2 * ms}}, 2*time.Second)
		if got := r.seen(); got != want {
			t.Errorf("%v: got %q, want %q", extra, got, want)
		}
		if v := r.got[0]; v.Stage == "s0" && !(v.Uncertainty > .149 && v.Uncertainty < .151) {
			t.Errorf("uncertainty %v", v.Uncertainty)
		}
	}
}

// A flow that is like no class is unknown, with the best guess beside it, and no stage waits
// for it.
func TestNovelty(t *testing.T) {
	three := func(a, b, other float64) modelFunc {
		return func(_ []float32, out []float64) error { out[0], out[1], out[2] = a, b, other; return nil }
	}
	for _, c := range []struct {
		name          string
		above         float64
		first, second Model
		want          string
		top           string
		novelty       float64
	}{
		{"its class is sure", 1, three(.02, .03, .95), three(1, 0, 0), "u unknown s0 novel final", "[{b 0.03} {a 0.02} { 0}]", .95},
		{"it is ahead and not sure", 1, three(.1, .2, .7), three(1, 0, 0), "u a s1 last_stage final", "[{a 1} {b 0} { 0}]", 0},
		{"it is above the bound, if not ahead", 0.35, three(.1, .5, .4), three(1, 0, 0), "u unknown s0 novel final", "[{b 0.5} {a 0.1} { 0}]", .4},
		{"it is ahead in the last stage", 1, three(.6, .2, .2), three(.2, .3, .5), "u unknown s1 novel final", "[{b 0.3} {a 0.2} { 0}]", .5},
	} {
		s := spec(t, []int{1, 1}, c.first, c.second)
		s.Classes = append(s.Classes, "other")
		for i := range s.Stages {
			s.Stages[i].Novelty = &Novelty{Class: 2, Above: c.above}
		}
		r := newRig(s, Config{})
		r.feed([]int16{0}, 0)
		r.drain()
		if got := r.verdicts(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
			continue
		}
		v := r.got[0]
		for i := range v.Top {
			v.Top[i].P = math.Round(v.Top[i].P*1000) / 1000
		}
		if top := fmt.Sprint(v.Top); top != c.top || math.Abs(v.Novelty-c.novelty) > 1e-9 {
			t.Errorf("%s: top %s and novelty %v, want %s and %v", c.name, top, v.Novelty, c.top, c.novelty)
		}
		if v.Reason == Novel && v.Confidence() != v.Novelty {
			t.Errorf("%s: confidence %v", c.name, v.Confidence())
		}
	}
}

// An answer that stands for all that is unknown is never a label, whatever makes it final.
func TestNoveltyIsNeverALabel(t *testing.T) {
	unsure := modelFunc(func(_ []float32, out []float64) error { out[0], out[1], out[2] = .3, .1, .6; return nil })
	sure := modelFunc(func(_ []float32, out []float64) error { out[0], out[1], out[2] = 1, 0, 0; return nil })
	for _, c := range []struct {
		name   string
		models []Model
		depths [][2]int
		hazard bool
		late   time.Duration
		cfg    Config
		want   string
	}{
		{"no packet is expected", []Model{unsure, sure}, [][2]int{{1, 0}, {3, 0}}, true, 0, Config{}, "u unknown s0 novel final 1"},
		{"the last stage is asked again, and no packet comes", []Model{unsure, unsure}, [][2]int{{1, 0}, {1, 3}}, false, 2 * time.Second, Config{}, "u unknown s1 novel final 1"},
		{"the next stage fails", []Model{unsure, modelFunc(fails)}, [][2]int{{1, 0}, {1, 0}}, false, 0, Config{}, "u unknown s0 degraded final 1"},
		{"it is provisional", []Model{unsure, sure}, [][2]int{{1, 0}, {3, 0}}, false, 0, Config{Provisional: true}, "u unknown s0 provisional provisional 1"},
	} {
		s := spec(t, make([]int, len(c.models)), c.models...)
		s.Classes = append(s.Classes, "other")
		for i, d := range c.depths {
			s.Stages[i].Depth, s.Stages[i].MaxDepth, s.Stages[i].Slow = d[0], d[1], false
			s.Stages[i].Novelty = &Novelty{Class: 2, Above: 1}
		}
		if c.hazard {
			s.Stages[0].Hazard = &Hazard{Model: side(t, func(int) bool { return false }), Below: .5}
		}
		r := newRig(s, c.cfg)
		r.feed([]int16{0}, c.late)
		if got := r.seen(); got != c.want || r.got[0].Confidence() < .59 {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNoveltyByAModel(t *testing.T) {
	for novel, want := range map[bool]string{true: "u unknown s0 novel final 1", false: "u a s0 confident final 1"} {
		s := spec(t, []int{1, 3}, at(t, .9), at(t, 1, 1, 1))
		s.Stages[0].Novelty = &Novelty{Model: side(t, func(int) bool { return novel }), Above: .99}
		r := newRig(s, Config{})
		r.feed([]int16{0}, 0)
		if got := r.seen(); got != want || novel && (r.got[0].Top[0].Label != "a" || r.got[0].Novelty < .99) {
			t.Errorf("novel %v: got %q, %+v, want %q", novel, got, r.got[0], want)
		}
	}
}

// What a model says of novelty is in each label of the flow, whatever its reason.
func TestNoveltyIsInEachLabel(t *testing.T) {
	for _, c := range []struct {
		want   string
		models []Model
		depths [][2]int
		flags  []int16
		cfg    Config
	}{
		{"u a s0 confident final 1", []Model{at(t, .9)}, [][2]int{{1, 2}}, []int16{0}, Config{}},
		{"u a s0 timeout final 2", []Model{at(t, .6, .6)}, [][2]int{{1, 9}}, []int16{0, 0}, Config{}},
		{"u a s0 degraded final 1", []Model{at(t, .6), modelFunc(fails)}, [][2]int{{1, 0}, {1, 0}}, []int16{0}, Config{}},
		{"u b s1 last_stage final 1", []Model{at(t, .6), at(t, .4)}, [][2]int{{1, 0}, {1, 0}}, []int16{0}, Config{}},
		{"u a s0 provisional provisional 1", []Model{at(t, .6), at(t, .4)}, [][2]int{{1, 0}, {2, 0}}, []int16{0}, Config{Provisional: true}},
	} {
		s := spec(t, make([]int, len(c.models)), c.models...)
		for i, d := range c.depths {
			s.Stages[i].Depth, s.Stages[i].MaxDepth, s.Stages[i].Slow = d[0], d[1], false
		}
		s.Stages[0].Novelty = &Novelty{Model: side(t, func(int) bool { return true }), Above: .99999}
		r := newRig(s, c.cfg)
		late := 2 * time.Second
		if c.cfg.Provisional {
			late = 0
		}
		r.feed(c.flags, late)
		if got := r.seen(); got != c.want || !(r.got[0].Novelty > .999) {
			t.Errorf("got %q with novelty %v, want %q", got, r.got[0].Novelty, c.want)
		}
	}
}

// Where the class is not sure, a sure family may be final.
func TestFamilies(t *testing.T) {
	for _, c := range []struct {
		name      string
		p         []float64
		threshold float64
		want      string
		family    Guess
	}{
		{"the family is sure", []float64{.5, .48, .02}, .1, "u a s0 family final", Guess{"web", .98}},
		{"it is not sure enough", []float64{.5, .35, .15}, .1, "u c s1 last_stage final", Guess{"c", 1}},
		{"it is never final", []float64{.5, .48, .02}, -1, "u c s1 last_stage final", Guess{"c", 1}},
		{"the class is sure", []float64{.9, .1, 0}, .1, "u a s0 confident final", Guess{"web", 1}},
		{"it is unknown", []float64{.05, .1, .85}, .1, "u unknown s0 novel final", Guess{}},
	} {
		says := func(p ...float64) modelFunc {
			return func(_ []float32, out []float64) error { copy(out, p); return nil }
		}
		s := spec(t, []int{1, 1}, says(c.p...), says(0, 0, 1))
		s.Classes = append(s.Classes, "c")
		s.Families, s.FamilyOf = []Family{{"web", []int{0, 1}, c.threshold}}, []int{0, 0, -1}
		if c.name == "it is unknown" {
			s.Stages[0].Novelty = &Novelty{Class: 2, Above: .9}
		}
		r := newRig(s, Config{})
		r.feed([]int16{0}, 0)
		r.drain()
		if got := r.verdicts(); got != c.want || r.got[0].Family.Label != c.family.Label || math.Abs(r.got[0].Family.P-c.family.P) > 1e-9 {
			t.Errorf("%s: got %q of family %v, want %q of %v", c.name, got, r.got[0].Family, c.want, c.family)
		}
	}
}
