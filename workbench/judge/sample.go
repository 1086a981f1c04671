package judge

import (
	"slices"
	"time"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/workbench/truth"
)

// Sample is flows with what a cascade said of them.
type Sample struct {
	Classes  []string          // that a flow can be called, sorted; not that of a bundle that stands for all others
	FamilyOf map[string]string // the family of each class; nil: the bundle has none
	Cases    []Case            // known flows in the order of the labels file, and then the others
	Known    int               // how many of Cases have a known label
	Captures []string          // names
	Lateness time.Duration     // that each silence took besides

	units   units
	shift   time.Duration // of the records' clock against the labels', where no known flow is found
	shifted int           // known flows that it would find
}

// Case is one flow.
type Case struct {
	Truth    string // known label; empty: not known
	Class    int    // place of Truth among the classes; -1: it is none
	Answer   Answer
	Answered bool // it has a label

	unit  int // that is drawn: its capture, or itself
	group int // of a flow without a known label, in a Tally
}

// Answer is what a cascade said of a flow.
type Answer struct {
	Label       string
	Class       int           // place of Label among the classes; -1: unknown
	Family      cascade.Guess // that Label is of, with its probability; empty: the bundle has none, or it is unknown
	Confidence  float64
	Uncertainty float64
	Stage       string
	Reason      string
	Wait        time.Duration // record time from the first packet until it could be given, with the silence that was waited out
	Computed    time.Duration
}

// Collect puts verdicts and known labels together. lateness is that of the serving code, which
// comes on top of a silence that was waited out.
func Collect(spec *cascade.Spec, flows *truth.Flows, verdicts []cascade.Verdict, lateness time.Duration) *Sample {
	s := &Sample{Classes: classes(spec), FamilyOf: familyOf(spec), Known: len(flows.All), Captures: flows.Captures(), Lateness: lateness}
	s.units = newUnits(len(s.Captures), len(flows.All))
	connections := make([]truth.Connection, len(verdicts))
	for i := range verdicts {
		v := &verdicts[i]
		connections[i] = truth.Connection{UID: v.UID, Ends: truth.NewEnds(v.Orig, v.Resp, protocol(v.Proto)), First: v.First}
	}
	taken := make([]bool, len(verdicts))
	for i, at := range flows.Match(connections) {
		known := &flows.All[i]
		capture, _ := slices.BinarySearch(s.Captures, known.Capture)
		c := Case{Truth: known.Label, Class: place(s.Classes, known.Label), unit: s.units.ofKnown(i, capture)}
		if at >= 0 {
			c.Answer, c.Answered, taken[at] = s.answer(&verdicts[at]), true, true
		}
		s.Cases = append(s.Cases, c)
	}
	if !slices.Contains(taken, true) {
		s.shift, s.shifted = flows.Shift(connections)
	}
	for i := range verdicts {
		if !taken[i] {
			s.Cases = append(s.Cases, Case{Class: -1, Answer: s.answer(&verdicts[i]), Answered: true, unit: s.units.ofOther(), group: group(verdicts[i].UID)})
		}
	}
	return s
}

// answer is what a verdict says.
func (s *Sample) answer(v *cascade.Verdict) Answer {
	wait := time.Duration(v.Due-v.First) * time.Microsecond
	if v.Silent {
		wait += s.Lateness
	}
	return Answer{Label: v.Label(), Class: place(s.Classes, v.Label()), Family: v.Family, Confidence: v.Confidence(), Uncertainty: v.Uncertainty,
		Stage: v.Stage, Reason: string(v.Reason), Wait: wait, Computed: v.Computed}
}

// classes are those of a bundle, sorted, without one that stands for all flows of no class.
func classes(spec *cascade.Spec) []string {
	names := slices.Clone(spec.Classes)
	for i := range spec.Stages {
		if n := spec.Stages[i].Novelty; n != nil && n.Model == nil {
			names = slices.DeleteFunc(names, func(name string) bool { return name == spec.Classes[n.Class] })
		}
	}
	slices.Sort(names)
	return names
}

// familyOf gives the family of each class, or the class itself; nil if there are no families.
func familyOf(spec *cascade.Spec) map[string]string {
	if spec.Families == nil {
		return nil
	}
	of := map[string]string{}
	for i, class := range spec.Classes {
		if of[class] = class; spec.FamilyOf[i] >= 0 {
			of[class] = spec.Families[spec.FamilyOf[i]].Name
		}
	}
	return of
}

// place is that of a name in a sorted list; -1 if it is not there.
func place(sorted []string, name string) int {
	if i, ok := slices.BinarySearch(sorted, name); ok {
		return i
	}
	return -1
}

// protocol is how label records name an IP protocol.
func protocol(number uint8) string {
	switch number {
	case 1, 58:
		return "icmp"
	case 6:
		return "tcp"
	case 17:
		return "udp"
	}
	return "unknown_transport"
}

// known are the flows with a known label.
func (s *Sample) known() []Case { return s.Cases[:s.Known] }
