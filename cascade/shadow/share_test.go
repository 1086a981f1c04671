package shadow

import (
	"fmt"
	"testing"
)

// The share is the same on every machine and in every release: others count on it. The
// numbers are int.from_bytes(hashlib.sha256(uid).digest()[:8]) / 2**64, in Python.
func TestShareIsStable(t *testing.T) {
	for uid, place := range map[string]float64{"CHhAvVGS1DHFjwGM9": 0.645370648725452, "C1": 0.6700152013080334, "": 0.8894159948913374} {
		if !Share(place+1e-9).Has(uid) || Share(place-1e-9).Has(uid) {
			t.Errorf("flow %q is not at %v", uid, place)
		}
	}
}

// A share has as many flows as it says, and those of every smaller one.
func TestShareIsOfAllFlows(t *testing.T) {
	const flows = 100_000
	shares := []Share{0, .01, .1, .5, 1}
	counted := make([]int, len(shares))
	for i := range flows {
		uid, in := fmt.Sprintf("C%d", i), false
		for k, s := range shares {
			if in && !s.Has(uid) {
				t.Fatalf("%s is in %v, but not in %v", uid, shares[k-1], s)
			}
			if in = s.Has(uid); in {
				counted[k]++
			}
		}
	}
	for k, s := range shares {
		if got := float64(counted[k]) / flows; got < float64(s)*.95 || got > float64(s)*1.05 {
			t.Errorf("%v of the flows are in a share of %v", got, s)
		}
	}
}

func TestShareAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Share(.1).Has("CHhAvVGS1DHFjwGM9") }); n != 0 {
		t.Errorf("%v allocations a flow", n)
	}
}
