package judge

import "math"

const bins = 10

// Reliability says whether confidences mean what they say, over known flows of a class that were
// called a class.
type Reliability struct {
	ECE  Figure `json:"expected_calibration_error"` // mean gap between confidence and accuracy
	Bins []Bin  `json:"bins"`                       // with flows in them
}

// Bin is flows of about the same confidence.
type Bin struct {
	From       float64 `json:"from"`
	To         float64 `json:"to"`
	Flows      int     `json:"flows"`
	Confidence float64 `json:"confidence"` // mean
	Accuracy   Figure  `json:"accuracy"`
}

// stated is a flow with its confidence.
type stated struct {
	unit, bin  int
	confidence float64
	right      bool
}

func (d draws) reliability(s *Sample) Reliability {
	var flows []stated
	for _, c := range s.known() {
		if c.Answered && c.Class >= 0 && c.Answer.Class >= 0 {
			p := c.Answer.Confidence
			flows = append(flows, stated{c.unit, min(int(p*bins), bins-1), p, c.Class == c.Answer.Class})
		}
	}
	f := d.figures(1+bins, func(w weights, out []float64) {
		n, confidence, right := binned(flows, w)
		var gap, total float64
		for b := range bins {
			total += n[b]
			gap += math.Abs(confidence[b] - right[b])
			out[1+b] = where(n[b] > 0, ratio(right[b], n[b]))
		}
		out[0] = where(total > 0, ratio(gap, total))
	})
	r := Reliability{ECE: f[0], Bins: []Bin{}}
	n, confidence, _ := binned(flows, d[0])
	for b := range bins {
		if n[b] > 0 {
			r.Bins = append(r.Bins, Bin{float64(b) / bins, float64(b+1) / bins, int(n[b]), confidence[b] / n[b], f[1+b]})
		}
	}
	return r
}

// binned gives sums by bin: flows, their confidences, and those that are right.
func binned(flows []stated, w weights) (n, confidence, right [bins]float64) {
	for _, f := range flows {
		k := float64(w[f.unit])
		n[f.bin] += k
		confidence[f.bin] += k * f.confidence
		if f.right {
			right[f.bin] += k
		}
	}
	return n, confidence, right
}
