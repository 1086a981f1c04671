package calibrate

import (
	"fmt"
	"strings"
)

// What a second of mean waiting is worth beside what the target asks for: little, so that it
// decides among choices that are alike otherwise.
const (
	secondOfShare = .02   // in shares of labels in time
	secondOfF1    = .0005 // in macro-F1
)

// violation is by how much a result misses the target's bound.
func (t Target) violation(r Result) float64 {
	switch t.Kind {
	case Loss:
		return max(0, r.Loss-t.Bound)
	case Within:
		return max(0, t.Bound-r.Score.Soon)
	case Defer:
		return max(0, r.Score.Last-t.Bound)
	}
	return 0
}

// worth is what is to be as large as possible within the bound.
func (t Target) worth(r Result) float64 {
	switch t.Kind {
	case Within, Defer:
		return r.Score.MacroF1 - secondOfF1*r.Score.Wait
	case Cost:
		return -t.Expected(r)
	}
	return r.Score.Soon - secondOfShare*r.Score.Wait
}

// Expected is the expected cost of a flow.
func (t Target) Expected(r Result) float64 {
	return t.Error*(1-r.Score.Accuracy) + t.Second*r.Score.Wait + t.CPU*r.CPU/1000
}

// better reports whether a serves the target better than b.
func (t Target) better(a, b Result) bool {
	const alike = 1e-12
	va, vb := t.violation(a), t.violation(b)
	if va > vb+alike || vb > va+alike {
		return va < vb
	}
	return t.worth(a) > t.worth(b)+alike
}

// mixed is macro-F1 and, by a weight, what the target buys with it: labels in time, or flows that
// the last stage is spared.
func (t Target) mixed(r Result, weight float64) float64 {
	buys := r.Score.Soon
	if t.Kind == Defer {
		buys = -r.Score.Last
	}
	return r.Score.MacroF1 + weight*(buys-secondOfShare*r.Score.Wait)
}

// Kept reports whether a result keeps the promise.
func (t Target) Kept(r Result) bool { return t.violation(r) == 0 }

// Promise says in words what is promised.
func (t Target) Promise() string {
	switch t.Kind {
	case Loss:
		return fmt.Sprintf("macro-F1 is at most %.2f points below the last stage alone", 100*t.Bound)
	case Within:
		return fmt.Sprintf("%.1f%% of labels come within %s", 100*t.Bound, strings.Replace(t.Soon.String(), "ms", " ms", 1))
	case Defer:
		return fmt.Sprintf("at most %.1f%% of flows need the last stage", 100*t.Bound)
	case Risk:
		return fmt.Sprintf("at most %.1f%% of a capture's flows, in the mean, come to harm", 100*t.Bound)
	}
	return "the expected cost is the least that was found"
}
