package latency

import (
	"math"
	"testing"

	"github.com/serveflow/serveflow/cmd/serveflow/demo"
	"github.com/serveflow/serveflow/cmd/serveflow/labels"
)

func TestStretch(t *testing.T) {
	if from, to := stretch([]int64{0, 7, 10, 11, 16, 30}, 10); from != 7 || to != 17 {
		t.Errorf("%d to %d", from, to)
	}
}

func TestCut(t *testing.T) {
	got := cut([]any{"proto", "p3_dir", "p4_dir", "p10_log_gap", "packets"}, 3)
	for i, want := range []string{"proto", "p3_dir", "p1_ipv4_opt_160", "p1_ipv4_opt_161", "packets"} {
		if got[i] != want {
			t.Errorf("%s, want %s", got[i], want)
		}
	}
}

func TestQuantile(t *testing.T) {
	for q, want := range map[float64]float64{0: 1, .5: 2, .75: 3, .99: 4, 1: 4} {
		if got := quantile([]float64{1, 2, 3, 4}, q); got != want {
			t.Errorf("%g: %g, want %g", q, got, want)
		}
	}
}

// The parts add up to the whole, and a silence is known though its reason hides it.
func TestParts(t *testing.T) {
	for _, c := range []struct {
		label label
		want  way
	}{
		{label{Record: labels.Record{Reason: "confident", Stage: "first"}, TSLabel: .004, read: .007, ComputeUS: 100}, fast},
		{label{Record: labels.Record{Reason: "last_stage", Stage: "slow"}, TSPacket: .050, TSLabel: .056, read: .060, ComputeUS: 300}, slow},
		{label{Record: labels.Record{Reason: "timeout", Stage: "slow"}, TSPacket: .050, TSLabel: .056, read: .060}, silence},
		{label{Record: labels.Record{Reason: "novel", Stage: "deep"}, TSPacket: .050, TSLabel: .300, read: .310}, silence},
		{label{Record: labels.Record{Reason: "novel", Stage: "slow"}, TSPacket: .050, next: .090, TSLabel: .095, read: .100}, silence},
		{label{Record: labels.Record{Reason: "novel", Stage: "slow"}, TSPacket: .050, next: .055, TSLabel: .060, read: .070}, slow},
		{label{Record: labels.Record{Reason: "confident", Stage: "first"}, TSLabel: .300, read: .310}, fast},
	} {
		p := c.label.parts()
		if sum := p.packets + p.inward + p.compute + p.outward; math.Abs(sum-p.total) > 1e-9 {
			t.Errorf("%v: the parts are %g together", p, sum)
		}
		if got := c.label.way("slow"); got != c.want {
			t.Errorf("%v: %s, want %s", p, got, c.want)
		}
	}
}

func TestBest(t *testing.T) {
	of := func(f1, p50 float64) *outcome {
		return &outcome{shown: demo.Side{MacroF1: f1, Latency: demo.Quantiles{P50: p50, P90: 2 * p50}}}
	}
	sides := []*outcome{of(.95, 2000), of(.94, 500), of(.93, 100)}
	for f1, want := range map[float64]int{.96: 0, .94: 1, .935: 1, .9: 2} {
		if got := best(sides, f1); got != sides[want] {
			t.Errorf("%g: %+v", f1, got.shown)
		}
	}
}
