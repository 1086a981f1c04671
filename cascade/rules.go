package cascade

import (
	"slices"
	"time"

	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/cascade/nprint"
	"github.com/serveflow/serveflow/flow"
)

// Family is a group of classes that are close to each other.
type Family struct {
	Name      string
	Classes   []int   // their places in Spec.Classes
	Threshold float64 // it is final where 1 less its probability is at most this; below 0: never
}

// Patience is how long a flow waits for its next packet, in record time since the one before,
// while an answer stands.
type Patience struct {
	Classes []int // the answer's best class is one of these; nil: any
	Packets int   // that the flow has; 0: any number
	Wait    time.Duration
}

// Hazard is a model of whether another packet will come, which is asked before a flow waits.
type Hazard struct {
	Model *Side
	Below float64 // with a smaller probability of another packet, the flow does not wait
}

// Novelty says which flows are of no class of the bundle: by a class that stands for all
// others, or by a model.
type Novelty struct {
	Class int   // its place in Spec.Classes
	Model *Side // instead of Class; nil: none
	Above float64
}

// Side is a model of two classes, which is asked beside the stage's own about a flow and about
// the answer that stands.
type Side struct {
	Name     string // in metrics
	Model    Model
	Features *nprint.Extractor // of the flow
	Columns  []int             // of Features, in a row of the model
	Answer   []AnswerFeature   // of the answer
	Width    int               // columns in a row
}

// AnswerFeature is a column of a Side that is computed from the answer that stands.
type AnswerFeature struct {
	Column int
	Of     answer.Feature
}

// patience is how long the answer stands before the next packet is given up; 0: as long as the
// flow is kept open.
func (s *Stage) patience(a *answer.Answer, packets int) time.Duration {
	if len(s.Patience) == 0 {
		return 0
	}
	for i := range s.Patience {
		rule := &s.Patience[i]
		if (rule.Packets == 0 || rule.Packets == packets) && (rule.Classes == nil || slices.Contains(rule.Classes, a.First())) {
			return rule.Wait
		}
	}
	return 0
}

// uncertainty is that of an answer from packets of which some may be missing.
func (s *Stage) uncertainty(a *answer.Answer, gap bool) float64 {
	u := s.Measure.Of(a)
	if gap {
		u = min(1, u+s.GapUncertainty)
	}
	return u
}

// threshold is the one that holds for an answer.
func (s *Stage) threshold(a *answer.Answer) float64 {
	if s.Thresholds == nil {
		return s.Threshold
	}
	return s.Thresholds[a.First()]
}

// family is that of the best class, with its probability; nil if it has none.
func (s *Spec) family(a *answer.Answer) (*Family, float64) {
	if s.Families == nil {
		return nil, 0
	}
	of := s.FamilyOf[a.First()]
	if of < 0 {
		return nil, 0
	}
	f := &s.Families[of]
	var sum float64
	for _, class := range f.Classes {
		sum += a.P[class]
	}
	return f, sum
}

// class is the place of the class that stands for all that is unknown; -1 if there is none.
func (n *Novelty) class() int {
	if n == nil || n.Model != nil {
		return -1
	}
	return n.Class
}

// predict writes the probabilities of the side model's two classes for one row to out.
func (m *Side) predict(row []float32, out []float64) error {
	if err := m.Model.Predict(row, 1, out); err != nil {
		return err
	}
	return Scores.calibrate(out, 1)
}

// row writes a row of the side model, about a flow's first packets and the answer that stands.
func (m *Side) row(row []float32, f *flow.Flow, packets int, a *answer.Answer) []float32 {
	// The features come first, and then go to their columns from the last one on: none of
	// them lies before its place, since columns are in the features' order.
	row = resize(row, m.Width)
	m.Features.Extract(row, f, packets)
	for i := len(m.Columns) - 1; i >= 0; i-- {
		row[m.Columns[i]] = row[i]
	}
	for _, of := range m.Answer {
		row[of.Column] = float32(of.Of(a))
	}
	return row
}
