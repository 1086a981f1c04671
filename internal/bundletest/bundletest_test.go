package bundletest_test

import (
	"slices"
	"testing"

	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/bundletest"
)

const shipped = "../../bundles/service"

// What is written passes the checks of a bundle: digests, parity, and rules that go together.
func TestVariantsLoad(t *testing.T) {
	engines := bundle.Standard(onnxtest.Library(t))
	names := func(stages []bundletest.Stage) (all []string) {
		for _, s := range stages {
			all = append(all, s.Name())
		}
		return all
	}
	all := names(bundletest.Stages(t, shipped))
	for _, c := range []struct {
		name   string
		change func([]bundletest.Stage) []bundletest.Stage
		want   []string
	}{
		{"as it was", func(s []bundletest.Stage) []bundletest.Stage { return s }, all},
		{"the last stage alone", func(s []bundletest.Stage) []bundletest.Stage { return s[len(s)-1:] }, all[len(all)-1:]},
		{"without hazards", func(s []bundletest.Stage) []bundletest.Stage {
			for _, stage := range s {
				delete(stage, "hazard")
			}
			return s
		}, all},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := bundletest.Variant(t, shipped, c.change)
			b, err := bundle.Load(folder, engines)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if got := names(bundletest.Stages(t, folder)); !slices.Equal(got, c.want) {
				t.Errorf("stages %v, want %v", got, c.want)
			}
		})
	}
}
