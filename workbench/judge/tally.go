package judge

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"
)

// Tally is a sample summed up by what is drawn, so that many draws of many samples cost little.
type Tally struct {
	cells cells
	parts []part // by unit
	known int    // units of known flows
}

// part is the flows of one unit.
type part struct {
	flows, soon, last float64
	wait              float64 // seconds, summed
}

// others is how many groups the flows without a known label are drawn in.
const others = 50

// Score is what a tally comes to.
type Score struct {
	MacroF1  float64 `json:"macro_f1"`
	Accuracy float64 `json:"accuracy"`
	Soon     float64 `json:"within"`      // share of all flows whose label came in time
	Last     float64 `json:"last_stage"`  // share of all flows that the last stage decided
	Wait     float64 `json:"mean_wait_s"` // of all flows
}

// Tally sums the sample up. Labels that take less than soon come in time; last is the last stage.
func (s *Sample) Tally(soon time.Duration, last string) *Tally {
	t := &Tally{cells: s.cells(), known: s.units.known, parts: make([]part, s.units.known+others)}
	for i := range s.Cases {
		c := &s.Cases[i]
		if !c.Answered {
			continue
		}
		p := &t.parts[s.drawnAs(i)]
		p.flows++
		p.wait += c.Answer.Wait.Seconds()
		if c.Answer.Wait < soon {
			p.soon++
		}
		if c.Answer.Stage == last {
			p.last++
		}
	}
	return t
}

// drawnAs is the unit of a case, in a tally.
func (s *Sample) drawnAs(i int) int {
	if i >= s.Known {
		return s.units.known + s.Cases[i].group
	}
	return s.Cases[i].unit
}

// Uncertainties are those of the answers that are drawn, ascending.
func (s *Sample) Uncertainties(d Drawn) []float64 {
	var all []float64
	for i := range s.Cases {
		if s.Cases[i].Answered && d.Has(s.drawnAs(i)) {
			all = append(all, s.Cases[i].Answer.Uncertainty)
		}
	}
	slices.Sort(all)
	return all
}

// group is that of a flow without a known label.
func group(uid string) int {
	h := fnv.New32a()
	h.Write([]byte(uid))
	return int(h.Sum32() % others)
}

// Drawn is how often each unit counts: captures, and then groups of flows without a known label.
type Drawn struct{ w weights }

// Units is how many units there are.
func (t *Tally) Units() int { return len(t.parts) }

// Once has each unit count once.
func (t *Tally) Once() Drawn {
	w := make(weights, len(t.parts))
	for i := range w {
		w[i] = 1
	}
	return Drawn{w}
}

// Draws are seeded bootstrap draws: each with the units that were drawn, and those that were not.
func (t *Tally) Draws() (in, out []Drawn) {
	all := newDraws(units{known: t.known, others: others})
	for _, w := range all[1:] {
		left := make(weights, len(w))
		for i, n := range w {
			if n == 0 {
				left[i] = 1
			}
		}
		in, out = append(in, Drawn{w}), append(out, Drawn{left})
	}
	return in, out
}

// Halves are two halves of the units, drawn by chance and seeded.
func (t *Tally) Halves() (a, b Drawn) {
	random := rand.New(rand.NewPCG(seed, 2))
	a, b = Drawn{make(weights, len(t.parts))}, Drawn{make(weights, len(t.parts))}
	for _, of := range [][2]int{{0, t.known}, {t.known, len(t.parts)}} {
		for i, unit := range random.Perm(of[1] - of[0]) {
			[]Drawn{a, b}[i%2].w[of[0]+unit] = 1
		}
	}
	return a, b
}

// Has reports whether a unit counts.
func (d Drawn) Has(unit int) bool { return d.w[unit] > 0 }

// Score is that of a draw.
func (t *Tally) Score(d Drawn) Score {
	m := newConfusion(t.cells.classes)
	t.cells.confusion(d.w, m)
	overall := m.overall()
	var sum part
	for i, p := range t.parts {
		n := float64(d.w[i])
		sum.flows, sum.soon, sum.last, sum.wait = sum.flows+n*p.flows, sum.soon+n*p.soon, sum.last+n*p.last, sum.wait+n*p.wait
	}
	return Score{MacroF1: overall[1], Accuracy: overall[0], Soon: ratio(sum.soon, sum.flows), Last: ratio(sum.last, sum.flows), Wait: ratio(sum.wait, sum.flows)}
}

// Harm is, for each unit of known flows, the share that this sample gets wrong and the other one
// right; NaN where no flow is of a class. Both are of the same known flows.
func (s *Sample) Harm(other *Sample) []float64 {
	n, harmed := make([]float64, s.units.known), make([]float64, s.units.known)
	for i := range s.known() {
		a, b := &s.Cases[i], &other.Cases[i]
		if a.Class < 0 {
			continue
		}
		n[a.unit]++
		if !a.right() && b.right() {
			harmed[a.unit]++
		}
	}
	for unit, flows := range n {
		harmed[unit] /= flows // NaN of no flow
	}
	return harmed
}

// right reports whether the flow is called what it is.
func (c *Case) right() bool { return c.Answered && c.Class >= 0 && c.Answer.Class == c.Class }

// Flows counts the sample's flows.
func (s *Sample) Flows() Flows { return s.flows() }
