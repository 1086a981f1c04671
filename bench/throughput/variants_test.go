package throughput

import (
	"testing"

	bundles "github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/bundletest"
)

// variant changes a bundle's stages, which it gets from first to last, and gives those that stay.
type variant func([]bundletest.Stage) []bundletest.Stage

// slowAlone keeps the last stage.
func slowAlone(stages []bundletest.Stage) []bundletest.Stage { return stages[len(stages)-1:] }

// doubting multiplies the thresholds of the fast stages.
func doubting(times float64) variant {
	return func(stages []bundletest.Stage) []bundletest.Stage {
		for _, s := range stages[:len(stages)-1] {
			s["threshold"] = min(1, times*s["threshold"].(float64))
		}
		return stages
	}
}

// allDeferred takes from the fast stages whatever ends a flow before the last one. A threshold of 0
// alone does not: some scores are so far apart that the doubt is 0. Divided by a temperature of
// 1000 none are, and the class that is ahead, by which flows wait for packets, stays ahead.
func allDeferred(stages []bundletest.Stage) []bundletest.Stage {
	for _, s := range stages[:len(stages)-1] {
		s["threshold"], s["temperature"] = 0, 1000
		delete(s, "thresholds")
		delete(s, "hazard")
		switch novelty, _ := s["novelty"].(map[string]any); {
		case novelty["file"] != nil:
			delete(s, "novelty")
		case novelty != nil: // a class, which each stage must have
			novelty["above"] = 1
		}
	}
	return stages
}

// The bench takes long: it must not end at a bundle that serveflow refuses.
func TestVariantsLoad(t *testing.T) {
	engines := bundles.Standard(onnxtest.Library(t))
	for name, change := range map[string]variant{"the last stage alone": slowAlone, "thresholds / 1000": doubting(.001), "no flow deferred": doubting(1000), "every flow deferred": allDeferred} {
		b, err := bundles.Load(bundletest.Variant(t, *bundle, change), engines)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b.Close()
	}
}
