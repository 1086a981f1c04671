package drift

import "math"

// smoothing is added to the number of flows in each bin, as by Jeffreys' prior: an empty bin
// has no logarithm, and a bin that is empty among few flows need not stay so. It is known as
// additive smoothing, and with a half as the Krichevsky-Trofimov estimator.
const smoothing = .5

// psi is the population stability index of two histograms with the same bins: the sum over
// the bins of (a-e)*ln(a/e), where a and e are the bin's shares of the actual and the expected
// flows. It is 0 where all shares are equal. The usual bands are below 0.1, up to 0.25, and
// above (N. Siddiqi, Credit Risk Scorecards, Wiley 2006).
func psi(actual, expected []int64) float64 {
	a, e := sum(actual), sum(expected)
	extra := smoothing * float64(len(actual))
	total := 0.0
	for i := range actual {
		x := (float64(actual[i]) + smoothing) / (float64(a) + extra)
		y := (float64(expected[i]) + smoothing) / (float64(e) + extra)
		total += (x - y) * math.Log(x/y)
	}
	return total
}

func sum(counts []int64) (total int64) {
	for _, n := range counts {
		total += n
	}
	return total
}
