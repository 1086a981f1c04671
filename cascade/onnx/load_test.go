package onnx_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade/onnx"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestRefusals(t *testing.T) {
	r := onnxtest.Start(t)
	// A weight in another file must not be read even where the file is there.
	t.Chdir("testdata")
	var got strings.Builder
	for _, c := range []struct{ file, input, output string }{
		{"bad/two_inputs", "features", "scores"},
		{"mlp", "x", "scores"},
		{"trees", "features", "scores"},
		{"trees", "features", "label"},
		{"bad/double", "features", "scores"},
		{"bad/int_out", "features", "scores"},
		{"bad/fixed_batch", "features", "scores"},
		{"bad/any_width", "features", "scores"},
		{"bad/three_axes", "features", "scores"},
		{"bad/one_row_out", "features", "scores"},
		{"bad/first_row_out", "features", "scores"},
		{"bad/newer", "features", "scores"},
		{"bad/external_weight", "features", "scores"},
		{"bad/external_constant", "features", "scores"},
		{"bad/external_nested", "features", "scores"},
		{"bad/int_out", "features", ""},
		{"exporters/sklearn_zipmap", "X", "output_probability"},
		{"exporters/sklearn_zipmap", "X", "output_label"},
		{"exporters/sklearn_zipmap", "X", ""},
		{"exporters/sklearn_logistic", "X", "label"},
		{"exporters/torch_fixed", "features", "scores"},
		{"exporters/torch_flat", "features", "scores"},
		{"exporters/torch_flat", "features", ""},
	} {
		data, err := os.ReadFile(c.file + ".onnx")
		if err != nil {
			t.Fatal(err)
		}
		refuse(t, r, &got, c.file+" "+c.input+" "+c.output, data, onnx.Config{Input: c.input, Output: c.output})
	}
	c := onnx.Config{Input: "features", Output: "scores"}
	refuse(t, r, &got, "empty", nil, c)
	refuse(t, r, &got, "text", []byte("tree\nversion=v4\n"), c)
	refuse(t, r, &got, "ORT format", []byte("\x18\x00\x00\x00ORTM\x00\x00"), c)
	t.Chdir("..")
	golden(t, "testdata/refusals.golden", got.String())
}

// itsOwn matches ONNX Runtime's own words, which change with its release.
var itsOwn = regexp.MustCompile(`(Error [a-z ]+): .*; `)

func refuse(t *testing.T, r *onnx.Runtime, got *strings.Builder, name string, data []byte, c onnx.Config) {
	t.Helper()
	m, err := r.Load(data, c)
	if err == nil {
		m.Close()
		t.Errorf("%s: no error", name)
		return
	}
	if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "; ") {
		t.Errorf("%s: not one line with a remedy: %q", name, err)
	}
	fmt.Fprintf(got, "%s\n\t%s\n", name, itsOwn.ReplaceAllString(err.Error(), "$1: ...; "))
}

// Whatever is done to a network's bytes, loading and running it ends with an answer
// or an error. Tree ensembles are left out: ONNX Runtime 1.24.4 aborts the process on
// about one in 400 of them, which is why a bundle checks digests first.
func TestDamagedModels(t *testing.T) {
	r := onnxtest.Start(t)
	rng := rand.New(rand.NewPCG(1, 2))
	good := read(t, "mlp")
	taken := 0
	for i := range 200 {
		bad := slices.Clone(good)
		if i%4 == 0 {
			bad = bad[:rng.IntN(len(bad))]
		} else {
			for range 1 + rng.IntN(3) {
				bad[rng.IntN(len(bad))] = byte(rng.IntN(256))
			}
		}
		m, err := r.Load(bad, onnx.Config{Input: "features", Output: "scores", Timeout: time.Second})
		if err != nil {
			continue
		}
		taken++
		m.Predict(make([]float32, 3*m.Width()), 3, make([]float64, 3*m.Classes())) // an error is as good
		m.Close()
	}
	t.Logf("%d of 200 damaged models still run", taken)
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s\nrun the test with -update if that is meant", path, got)
	}
}
