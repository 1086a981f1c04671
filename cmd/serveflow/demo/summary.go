package demo

import (
	"math"
	"slices"
	"time"
)

// fast is the bound under which the paper counts a flow as served at once.
const fast = 16 * time.Millisecond

// Summary is what a demo saw, the cascade and the slow model alone side by side.
type Summary struct {
	Task       string             `json:"task"`
	Flows      int                `json:"flows"`      // sent
	Labels     int                `json:"labels"`     // final labels that the cascade gave
	Unlabelled int                `json:"unlabelled"` // flows without one
	ByStage    map[string]float64 `json:"by_stage"`   // share of the cascade's labels
	Cascade    Side               `json:"cascade"`
	SlowOnly   Side               `json:"slow_only"`
	SpeedupP50 float64            `json:"speedup_p50"`
	Speed      float64            `json:"speed"` // pace of the replay; 1 is as recorded
}

// Side is how one way of serving did.
type Side struct {
	Accuracy  float64   `json:"accuracy"` // over the flows whose label is known
	MacroF1   float64   `json:"macro_f1"` // over the classes that are known to occur
	Known     int       `json:"known"`
	ByTimeout int       `json:"by_timeout"` // flows decided because the next packet did not come
	Latency   Quantiles `json:"first_packet_to_label_ms"`
	Under16ms float64   `json:"under_16ms"` // share
}

// Quantiles are milliseconds.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
}

// Summarise sets the cascade's labels beside the slow model's.
func Summarise(task string, flows int, speed float64, cascade, slow []*Label) Summary {
	s := Summary{Task: task, Flows: flows, Labels: len(cascade), Unlabelled: flows - len(cascade), Speed: speed,
		ByStage: map[string]float64{}, Cascade: side(cascade), SlowOnly: side(slow)}
	for _, l := range cascade {
		s.ByStage[l.Record.Stage]++
	}
	for stage := range s.ByStage {
		s.ByStage[stage] /= float64(len(cascade))
	}
	if s.Cascade.Latency.P50 > 0 {
		s.SpeedupP50 = s.SlowOnly.Latency.P50 / s.Cascade.Latency.P50
	}
	return s
}

func side(labels []*Label) Side {
	var s Side
	if len(labels) == 0 {
		return s
	}
	took := make([]float64, 0, len(labels))
	for _, l := range labels {
		took = append(took, float64(l.Took)/float64(time.Millisecond))
		if l.Took < fast {
			s.Under16ms++
		}
		if l.Record.Reason == "timeout" {
			s.ByTimeout++
		}
	}
	s.Under16ms /= float64(len(labels))
	slices.Sort(took)
	s.Latency = Quantiles{quantile(took, .5), quantile(took, .9), quantile(took, .99)}
	s.Accuracy, s.MacroF1, s.Known = score(labels)
	return s
}

// quantile is the smallest value that at least a share q of the sorted ones do not exceed.
func quantile(sorted []float64, q float64) float64 {
	return sorted[max(0, min(len(sorted)-1, int(math.Ceil(q*float64(len(sorted))))-1))]
}

// score compares labels with the known ones.
func score(labels []*Label) (accuracy, macroF1 float64, known int) {
	hits, truths, answers := map[string]int{}, map[string]int{}, map[string]int{}
	right := 0
	for _, l := range labels {
		if l.Known == "" {
			continue
		}
		known++
		truths[l.Known]++
		answers[l.Record.Label]++
		if l.Record.Label == l.Known {
			right++
			hits[l.Record.Label]++
		}
	}
	if known == 0 {
		return 0, 0, 0
	}
	for class, n := range truths {
		macroF1 += 2 * float64(hits[class]) / float64(n+answers[class]) / float64(len(truths))
	}
	return float64(right) / float64(known), macroF1, known
}
