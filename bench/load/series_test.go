package load

import (
	"slices"
	"time"
)

// bin is the time that one point of a curve stands for.
const bin = 500 * time.Millisecond

// length is that of the schedule.
func length() (all time.Duration) {
	for _, p := range schedule() {
		all += p.last
	}
	return all
}

// delays gives the 99th percentile of the wait of the flows that the slow stage answered in
// each bin, from when they were queued to their label, seconds.
func delays(flows []*outcome) []float64 {
	bins := make([][]float64, length()/bin)
	for _, o := range flows {
		if i := int(o.labelled / bin); o.slow && i < len(bins) {
			bins[i] = append(bins[i], (o.labelled - o.asked).Seconds())
		}
	}
	p99 := make([]float64, len(bins))
	for i, all := range bins {
		if len(all) > 0 {
			slices.Sort(all)
			p99[i] = all[len(all)*99/100]
		}
	}
	return p99
}

// deferral gives the share of labels that are the slow stage's, in each bin.
func deferral(flows []*outcome) []float64 {
	slow, all := make([]float64, length()/bin), make([]float64, length()/bin)
	for _, o := range flows {
		if i := int(o.labelled / bin); i < len(all) {
			all[i]++
			if o.slow {
				slow[i]++
			}
		}
	}
	for i := range all {
		slow[i] /= max(1, all[i])
	}
	return slow
}

// accuracy gives the macro-F1 of the flows whose service is known and that opened in each phase.
func accuracy(flows []*outcome) []float64 {
	var f1 []float64
	var from time.Duration
	for _, p := range schedule() {
		f1 = append(f1, macroF1(flows, from, from+p.last))
		from += p.last
	}
	return f1
}

// macroF1 is the mean over the classes of what opened within a time.
func macroF1(flows []*outcome, from, to time.Duration) float64 {
	right, said, there := map[string]float64{}, map[string]float64{}, map[string]float64{}
	for _, o := range flows {
		if o.truth == "" || o.opened < from || o.opened >= to {
			continue
		}
		there[o.truth]++
		said[o.label]++
		if o.label == o.truth {
			right[o.truth]++
		}
	}
	var sum float64
	for class, n := range there {
		sum += 2 * right[class] / (n + said[class])
	}
	return sum / float64(max(1, len(there)))
}

// settled gives, for each phase, the 99th percentile of the wait from two seconds after its begin
// on, seconds.
func settled(flows []*outcome) (p99 []float64) {
	var from time.Duration
	for _, p := range schedule() {
		var waits []float64
		for _, o := range flows {
			if o.slow && o.labelled >= from+2*time.Second && o.labelled < from+p.last {
				waits = append(waits, (o.labelled - o.asked).Seconds())
			}
		}
		slices.Sort(waits)
		p99 = append(p99, waits[len(waits)*99/100])
		from += p.last
	}
	return p99
}

// unlabelled is how many flows have no label.
func unlabelled(flows []*outcome) (n int) {
	for _, o := range flows {
		if o.labels == 0 {
			n++
		}
	}
	return n
}
