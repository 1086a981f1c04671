package faults

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// label is a label record without its wall-clock fields.
type label struct {
	ID          string `json:"label_id"`
	Schema      string `json:"schema"`
	UID         string `json:"uid"`
	OrigH       string `json:"orig_h"`
	OrigP       int    `json:"orig_p"`
	RespH       string `json:"resp_h"`
	RespP       int    `json:"resp_p"`
	Proto       string `json:"proto"`
	Sensor      string `json:"sensor"`
	Task        string `json:"task"`
	Label       string `json:"label"`
	Final       bool   `json:"final"`
	Seq         int    `json:"seq"`
	Stage       string `json:"stage"`
	Packets     int    `json:"packets"`
	Gap         bool   `json:"gap"`
	Reason      string `json:"reason"`
	Bundle      string `json:"bundle"`
	Digest      string `json:"bundle_digest"`
	first, last int64  // ts_first, ts_packet, microseconds
	wait        float64
	probs       probabilities
}

// probabilities are the fields that the slow stage may change by a millionth in another
// batch.
type probabilities struct {
	Confidence, Uncertainty, Threshold float64
	Top                                [3]float64
	Names                              [3]string
}

func parseLabel(value []byte) (label, error) {
	var l label
	var v struct {
		First       float64 `json:"ts_first"`
		Last        float64 `json:"ts_packet"`
		Wait        float64 `json:"wait_ms"`
		Confidence  float64 `json:"confidence"`
		Uncertainty float64 `json:"uncertainty"`
		Threshold   float64 `json:"threshold"`
		Top         []struct {
			Label string
			P     float64
		} `json:"top"`
	}
	err := json.Unmarshal(value, &l)
	if err == nil {
		err = json.Unmarshal(value, &v)
	}
	if err != nil {
		return label{}, fmt.Errorf("label record %s: %w", value, err)
	}
	l.first, l.last = int64(math.Round(v.First*1e6)), int64(math.Round(v.Last*1e6))
	l.wait = v.Wait
	l.probs = probabilities{Confidence: v.Confidence, Uncertainty: v.Uncertainty, Threshold: v.Threshold}
	for i, guess := range v.Top[:min(3, len(v.Top))] {
		l.probs.Top[i], l.probs.Names[i] = guess.P, guess.Label
	}
	return l, nil
}

// exception reports whether the label's reason says that it depends on more than the flow's
// records.
func (l *label) exception() bool {
	switch l.Reason {
	case "degraded", "breaker", "evicted":
		return true
	}
	return false
}

// matches reports whether a label is the wanted one. Ids are not compared, and times are
// relative to start, when the flow began.
func (l label) matches(want label, start int64) bool {
	l.first -= start
	l.last -= start
	l.ID, l.UID = want.ID, want.UID
	got := l.probs
	l.probs = want.probs
	return l == want && got.approxEqual(want.probs, l.Stage)
}

// approxEqual compares probabilities. Those of the slow stage may differ by a millionth.
func (p probabilities) approxEqual(q probabilities, stage string) bool {
	if stage != "slow" {
		return p == q
	}
	same := func(x, y float64) bool { return math.Abs(x-y) < 1.5e-6 }
	equal := same(p.Confidence, q.Confidence) && same(p.Uncertainty, q.Uncertainty) && p.Threshold == q.Threshold && p.Names == q.Names
	for i := range p.Top {
		equal = equal && same(p.Top[i], q.Top[i])
	}
	return equal
}

// difference lists the fields that differ from the wanted label.
func (l label) difference(want label, start int64) string {
	l.first, l.last, l.ID, l.UID = l.first-start, l.last-start, want.ID, want.UID
	got, wanted := strings.Fields(fmt.Sprintf("%+v", l)), strings.Fields(fmt.Sprintf("%+v", want))
	var parts []string
	for i := range min(len(got), len(wanted)) {
		if got[i] != wanted[i] {
			parts = append(parts, fmt.Sprintf("%s, not %s", got[i], wanted[i]))
		}
	}
	return strings.Join(parts, "; ")
}
