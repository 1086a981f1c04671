package bundle

import (
	"fmt"
	"slices"

	"github.com/serveflow/serveflow/cascade/drift"
)

// Limits on the numbers of a drift file.
const (
	maxDriftFeatures = 64
	maxDriftEdges    = 64
	maxDriftFlows    = 1 << 40 // in a bin; so sums are far from the largest number
)

// checkDrift checks that the file is of this manifest's stages, classes and features, and that
// its numbers fit each other. It sets the features' columns.
func checkDrift(m *Manifest, r *drift.Reference) error {
	if err := sameOrder("stages", fieldOf(r.Stages, func(s drift.Stage) string { return s.Name }), fieldOf(m.Stages, func(s StageSpec) string { return s.Name })); err != nil {
		return err
	}
	if err := sameOrder("labels", fieldOf(r.Labels, func(l drift.Label) string { return l.Name }), m.Classes); err != nil {
		return err
	}
	for _, s := range r.Stages {
		if err := checkCounts("stage "+s.Name+": uncertainty", s.Uncertainty, drift.UncertaintyBins); err != nil {
			return err
		}
		if asked := flowsOf(s.Uncertainty); s.Deferred < 0 || s.Deferred > asked {
			return fmt.Errorf("stage %s: deferred is %d, of %d flows", s.Name, s.Deferred, asked)
		}
	}
	flows := flowsOf(r.Stages[0].Uncertainty)
	if flows == 0 {
		return fmt.Errorf("stage %s: uncertainty has no flow", r.Stages[0].Name)
	}
	labels := fieldOf(r.Labels, func(l drift.Label) int64 { return l.Flows })
	if err := checkCounts("labels: flows", labels, len(m.Classes)); err != nil {
		return err
	}
	if n := flowsOf(labels); n == 0 || n > flows {
		return fmt.Errorf("labels has %d flows, and stage %s was asked about %d: a flow has one label", n, r.Stages[0].Name, flows)
	}
	if len(r.Features) > maxDriftFeatures {
		return fmt.Errorf("features has %d; list those that the first stage uses most, %d at most", len(r.Features), maxDriftFeatures)
	}
	for i := range r.Features {
		if err := checkDriftFeature(m, r, i, flows); err != nil {
			return fmt.Errorf("feature %q: %w", r.Features[i].Name, err)
		}
	}
	return nil
}

func checkDriftFeature(m *Manifest, r *drift.Reference, i int, flows int64) error {
	f, s := &r.Features[i], &m.Stages[0]
	if f.Column = slices.Index(s.Features, f.Name); f.Column < 0 {
		return fmt.Errorf("stage %s does not have it", s.Name)
	}
	if slices.ContainsFunc(r.Features[:i], func(before drift.Feature) bool { return before.Name == f.Name }) {
		return fmt.Errorf("it is there twice")
	}
	if len(f.Edges) > maxDriftEdges {
		return fmt.Errorf("%d edges; %d at most", len(f.Edges), maxDriftEdges)
	}
	for k := 1; k < len(f.Edges); k++ {
		if f.Edges[k] <= f.Edges[k-1] {
			return fmt.Errorf("edges: %v comes after %v; they must ascend", f.Edges[k], f.Edges[k-1])
		}
	}
	if err := checkCounts("flows", f.Flows, len(f.Edges)+2); err != nil {
		return err
	}
	if n := flowsOf(f.Flows); n != flows {
		return fmt.Errorf("flows has %d, and stage %s was asked about %d: count the same flows", n, s.Name, flows)
	}
	return nil
}

// checkCounts checks that there is a possible number of flows for each of the bins.
func checkCounts(what string, counts []int64, bins int) error {
	if len(counts) != bins {
		return fmt.Errorf("%s has %d numbers, not one for each of %d bins", what, len(counts), bins)
	}
	for i, n := range counts {
		if n < 0 || n > maxDriftFlows {
			return fmt.Errorf("%s: number %d is %d, which is no number of flows", what, i+1, n)
		}
	}
	return nil
}

// sameOrder compares the names in the file with the manifest's.
func sameOrder(what string, got, want []string) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s has %d names, and the manifest %d", what, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			return fmt.Errorf("%s: number %d is %q, and %q in the manifest", what, i+1, got[i], want[i])
		}
	}
	return nil
}

func fieldOf[T, V any](all []T, of func(T) V) []V {
	values := make([]V, len(all))
	for i := range all {
		values[i] = of(all[i])
	}
	return values
}

func flowsOf(counts []int64) (total int64) {
	for _, n := range counts {
		total += n
	}
	return total
}
