package calibrate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/serveflow/serveflow/workbench/judge"
)

// Kind is what a target asks for.
type Kind string

// The kinds of targets.
const (
	Defer  Kind = "defer"  // a share of flows for the last stage
	Loss   Kind = "loss"   // a largest loss of macro-F1 against the last stage alone
	Within Kind = "within" // a share of labels in time
	Cost   Kind = "cost"   // the least expected cost
	Risk   Kind = "risk"   // a largest risk of harm, with a certain probability
)

// Target is what the rules are chosen for.
type Target struct {
	Kind   Kind
	Bound  float64       // a share, or a loss; of Cost unused
	Soon   time.Duration // labels that take less are in time
	Sure   float64       // of Risk: the probability with which it is kept
	Error  float64       // of Cost: of a wrong label ...
	Second float64       // ... of a second of waiting ...
	CPU    float64       // ... and of a millisecond of computing
}

// usage is said of a target that cannot be read.
const usage = "choose defer=SHARE, loss=LOSS, within=TIME:SHARE, cost=error:COST,second:COST,cpu:COST or risk=SHARE:PROBABILITY, such as defer=0.2, loss=0.005, within=16ms:0.75, cost=error:1,second:0.01,cpu:0.1, risk=0.03:0.9"

// ParseTarget reads a target.
func ParseTarget(text string) (t Target, err error) {
	kind, value, _ := strings.Cut(text, "=")
	t = Target{Kind: Kind(kind), Soon: judge.Soon}
	switch t.Kind {
	case Defer, Loss:
		t.Bound, err = fraction(value)
	case Within:
		wait, share, _ := strings.Cut(value, ":")
		if t.Soon, err = time.ParseDuration(wait); err == nil && t.Soon <= 0 {
			err = fmt.Errorf("a time above 0 is needed")
		}
		if err == nil {
			t.Bound, err = fraction(share)
		}
	case Risk:
		share, sure, _ := strings.Cut(value, ":")
		if t.Bound, err = fraction(share); err == nil {
			t.Sure, err = fraction(sure)
		}
		if err == nil && (t.Sure <= 0 || t.Sure >= 1 || t.Bound <= 0 || t.Bound >= 1) {
			err = fmt.Errorf("both numbers must be above 0 and below 1")
		}
	case Cost:
		err = t.costs(value)
	default:
		err = fmt.Errorf("%q is no kind of target", kind)
	}
	if err != nil {
		return t, fmt.Errorf("%s: %w: %s", text, err, usage)
	}
	return t, nil
}

// costs reads those of errors, waiting and computing.
func (t *Target) costs(text string) error {
	seen := map[string]bool{}
	for _, part := range strings.Split(text, ",") {
		of, value, _ := strings.Cut(part, ":")
		cost, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil || !(cost >= 0 && cost <= 1e9):
			return fmt.Errorf("%q is no cost from 0 on", part)
		case seen[of]:
			return fmt.Errorf("%s is there twice", of)
		case of == "error":
			t.Error = cost
		case of == "second":
			t.Second = cost
		case of == "cpu":
			t.CPU = cost
		default:
			return fmt.Errorf("%q costs nothing here", of)
		}
		seen[of] = true
	}
	if !seen["error"] {
		return fmt.Errorf("the cost of an error is missing")
	}
	return nil
}

// fraction reads a number from 0 to 1.
func fraction(text string) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= 0 && x <= 1) {
		return 0, fmt.Errorf("%q is no number from 0 to 1", text)
	}
	return x, nil
}

// Result is what a choice comes to, of all flows or of a draw.
type Result struct {
	Score judge.Score `json:"score"`
	Loss  float64     `json:"macro_f1_loss"`   // against the last stage alone
	CPU   float64     `json:"cpu_us_per_flow"` // of the models
}
