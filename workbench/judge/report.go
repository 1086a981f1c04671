package judge

// Schema is the schema and version of an Evaluation's JSON.
const Schema = "serveflow.eval/1"

// Evaluation is a bundle with its figures on some flows. Its JSON names are stable.
type Evaluation struct {
	Schema  string `json:"schema"`
	Task    string `json:"task"`
	Bundle  string `json:"bundle"`
	Digest  string `json:"bundle_digest"`
	Run     Run    `json:"run"`
	Figures Report `json:"figures"`
}

// Run says what was run, and what that took on this machine.
type Run struct {
	Input      string   `json:"input"` // packets, or conn
	Records    int      `json:"records"`
	Foreign    int      `json:"foreign_records"` // of another log
	Flows      int      `json:"flows"`           // that got a label
	Unlabelled int      `json:"unlabelled"`      // flows of the records without a label, because the models failed
	Idle       float64  `json:"flow_idle_ms"`    // SERVEFLOW_FLOW_IDLE
	Lateness   float64  `json:"lateness_ms"`     // SERVEFLOW_LATENESS
	Stages     []string `json:"stages"`
	CPU        float64  `json:"cpu_us_per_flow"` // processor's time of the whole run by a flow, reading records included
}

// Report is all figures of a cascade. Its JSON names are stable.
type Report struct {
	Flows       Flows       `json:"flows"`
	Quality     Quality     `json:"quality"`
	Families    *Quality    `json:"families"` // the same with each class replaced by its family; null: the bundle has none
	Foreign     []Foreign   `json:"foreign"`  // all of them, and then by label; empty: there is none
	ByStage     []Share     `json:"by_stage"`
	ByReason    []Share     `json:"by_reason"`
	WaitKnown   Waits       `json:"wait"`     // of flows with a known label
	WaitAll     Waits       `json:"wait_all"` // of all flows
	WaitByClass []Spread    `json:"wait_by_class"`
	Compute     Compute     `json:"compute"`
	Alone       []Alone     `json:"alone"`    // the cascade's stages, each alone; empty: it has one stage
	Deferral    *Deferral   `json:"deferral"` // null: the cascade has one stage
	Reliability Reliability `json:"reliability"`
}

// Flows counts flows.
type Flows struct {
	Known      int    `json:"known"`      // in the labels file
	OfClass    int    `json:"of_class"`   // of them, those whose label is a class of the bundle
	Unlabelled int    `json:"unlabelled"` // known ones that got no label: no records, or models that failed
	Other      int    `json:"other"`      // flows of the records that no known label is of
	Captures   int    `json:"captures"`
	DrawnBy    string `json:"drawn_by"` // capture, or flow where there is one capture
}

// Alone is a stage that answers every flow by itself, on the same flows.
type Alone struct {
	Stage    string  `json:"stage"`
	Accuracy Figure  `json:"accuracy"`
	MacroF1  Figure  `json:"macro_f1"`
	Less     Figure  `json:"macro_f1_of_cascade_above"` // the cascade's macro-F1 less this one, in the same draws
	Wait     Waits   `json:"wait"`
	WaitAll  Waits   `json:"wait_all"`
	Compute  Compute `json:"compute"`
	Classes  []Class `json:"classes"`
}

// Stage is a stage's sample, labelled by it alone.
type Stage struct {
	Name   string
	Sample *Sample
}

// Judge computes the report. alone has the cascade's stages in their order; with fewer than two,
// nothing is compared.
func Judge(s *Sample, alone []Stage) Report {
	d := newDraws(s.units)
	r := Report{Flows: s.flows(), Quality: d.quality(s.cells(), s.Classes), Foreign: d.foreign(s),
		ByStage: d.shares(s, func(a *Answer) string { return a.Stage }), ByReason: d.shares(s, func(a *Answer) string { return a.Reason }),
		WaitKnown: d.waits(s.known()), WaitAll: d.waits(s.Cases), WaitByClass: d.spreads(s), Compute: d.compute(s.Cases),
		Alone: []Alone{}, Reliability: d.reliability(s)}
	if s.FamilyOf != nil {
		of := s.ByFamily()
		q := d.quality(of.cells(), of.Classes)
		r.Families = &q
	}
	if len(alone) < 2 {
		return r
	}
	for _, stage := range alone {
		r.Alone = append(r.Alone, compare(s, stage))
	}
	first, last := alone[0], alone[len(alone)-1]
	r.Deferral = d.deferral(s, first.Sample, last.Sample, first.Name, last.Name)
	return r
}

// compare gives the figures of a stage alone, beside the cascade's.
func compare(whole *Sample, stage Stage) Alone {
	s := stage.Sample
	d := newDraws(s.units)
	n := len(s.Classes)
	m, c, of := newConfusion(n), s.cells(), whole.cells()
	f := d.figures(3, func(w weights, out []float64) {
		c.confusion(w, m)
		overall := m.overall()
		out[0], out[1] = overall[0], overall[1]
		of.confusion(w, m)
		out[2] = m.macroF1() - out[1]
	})
	return Alone{Stage: stage.Name, Accuracy: f[0], MacroF1: f[1], Less: f[2], Wait: d.waits(s.known()), WaitAll: d.waits(s.Cases),
		Compute: d.compute(s.Cases), Classes: d.quality(c, s.Classes).Classes}
}

// flows counts the sample's flows.
func (s *Sample) flows() Flows {
	f := Flows{Known: s.Known, Other: len(s.Cases) - s.Known, Captures: len(s.Captures), DrawnBy: "capture"}
	if s.units.byFlow {
		f.DrawnBy = "flow"
	}
	for _, c := range s.known() {
		if c.Class >= 0 {
			f.OfClass++
		}
		if !c.Answered {
			f.Unlabelled++
		}
	}
	return f
}
