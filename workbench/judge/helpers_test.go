package judge

import (
	"flag"
	"fmt"
	"net/netip"
	"time"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/workbench/truth"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// said is a flow: what it is, in which capture, what it was called, how surely, by which stage
// and after how many milliseconds. Its truth is empty where it is not known; it has no label
// where label is empty.
type said struct {
	truth, capture, label string
	confidence            float64
	stage                 string
	wait                  int64
}

// spec is a bundle of classes a, b and c, of which a and b are a family, and two stages. The
// class other stands for flows of no class.
func spec() *cascade.Spec {
	novel := &cascade.Novelty{Class: 3, Above: .5}
	return &cascade.Spec{Task: "t", Bundle: "t@1", Digest: "d", Classes: []string{"c", "a", "b", "other"},
		Families: []cascade.Family{{Name: "ab", Classes: []int{1, 2}}}, FamilyOf: []int{-1, 0, 0, -1},
		Stages: []cascade.Stage{{Name: "first", Depth: 1, Novelty: novel}, {Name: "slow", Depth: 3, Novelty: novel}}}
}

// collect makes a sample of flows. A stage behind which ! stands waited for a silence.
func collect(flows []said) *Sample {
	var known []truth.Known
	var verdicts []cascade.Verdict
	for i, f := range flows {
		uid := fmt.Sprintf("C%03d", i)
		if f.truth != "" {
			known = append(known, truth.Known{UID: uid, Label: f.truth, Capture: f.capture})
		}
		if f.label == "" {
			continue
		}
		v := cascade.Verdict{UID: uid, Orig: netip.MustParseAddrPort("10.0.0.1:1"), Resp: netip.MustParseAddrPort("10.0.0.2:2"), Proto: 6,
			Stage: f.stage, Final: true, Reason: cascade.Confident, First: int64(i) * 1e6, Due: int64(i)*1e6 + 1000*f.wait, Silent: f.wait >= 1000,
			Uncertainty: 1 - f.confidence, Computed: time.Duration(10+i%7) * time.Microsecond}
		v.Top[0] = cascade.Guess{Label: f.label, P: f.confidence}
		if f.label == cascade.Unknown {
			v.Reason, v.NoClass, v.Novelty = cascade.Novel, true, f.confidence
		}
		verdicts = append(verdicts, v)
	}
	return Collect(spec(), truth.NewFlows(known), verdicts, 200*time.Millisecond)
}
