package onnx_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// The slow stages that ship are trees: their scores are ONNX Runtime's to the last bit, alone and in batches.
func TestScoresEqualONNXRuntime(t *testing.T) {
	r := onnxtest.Start(t)
	n := 320 * 32
	if testing.Short() {
		n = 32
	}
	files, err := filepath.Glob("../../bundles/*/slow.onnx")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		config := onnx.Config{Input: "features", Output: "scores"}
		fast, err := r.Load(data, config)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := r.LoadPlain(data, config)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := onnx.LoadTrees(data, config, fast.Width()) // without ONNX Runtime
		if err != nil {
			t.Fatal(err)
		}
		if fast.NeedsLibrary() || alone.NeedsLibrary() || !plain.NeedsLibrary() {
			t.Fatalf("%s: is not served by its trees", file)
		}
		rng, w := rand.New(rand.NewPCG(3, 4)), fast.Width()
		odd := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.Copysign(0, -1)), 1e-40, -1, 0}
		rows := make([]float32, n*w)
		for i := range rows {
			switch rng.IntN(8) {
			case 0:
				rows[i] = odd[rng.IntN(len(odd))]
			case 1:
				rows[i] = float32(rng.IntN(1 << 16))
			default:
				rows[i] = float32(rng.IntN(200) - 1)
			}
		}
		want := predict(t, plain, rows, n)
		if got := predict(t, fast, rows, n); !slices.Equal(got, want) {
			t.Errorf("%s: other scores in batches", file)
		}
		if got := predict(t, alone, rows, n); !slices.Equal(got, want) {
			t.Errorf("%s: other scores without ONNX Runtime", file)
		}
		for i := range n / 8 {
			if got := predict(t, plain, rows[i*w:(i+1)*w], 1); !slices.Equal(got, want[i*plain.Classes():(i+1)*plain.Classes()]) {
				t.Fatalf("%s: row %d alone has other scores in ONNX Runtime itself", file, i)
			}
		}
		if err := plain.Close(); err != nil {
			t.Error(err)
		}
		if err := errors.Join(fast.Close(), alone.Close()); err != nil {
			t.Error(err)
		}
		if err := fast.Predict(rows[:w], 1, make([]float64, fast.Classes())); err == nil {
			t.Error("a closed model answers")
		}
	}
}

// What is more than trees, or other trees, stays with ONNX Runtime.
func TestOtherModelsStayWithONNXRuntime(t *testing.T) {
	r := onnxtest.Start(t)
	for _, c := range []struct{ name, output string }{{"mlp", "scores"}, {"trees", "probabilities"}} {
		if m := load(t, r, c.name, c.output); m.Forest() != nil {
			t.Errorf("%s is served by trees", c.name)
		}
	}
	data, err := os.ReadFile("../../bundles/qos/slow.onnx")
	if err != nil {
		t.Fatal(err)
	}
	config := onnx.Config{Input: "features", Output: "scores"}
	for name, load := range map[string]func() (*onnx.Model, error){
		"a network":         func() (*onnx.Model, error) { return onnx.LoadTrees(read(t, "mlp"), config, 4) },
		"of fewer features": func() (*onnx.Model, error) { return onnx.LoadTrees(data, config, 1) },
		"a damaged graph":   func() (*onnx.Model, error) { return onnx.LoadTrees(data[:len(data)/2], config, 1000) },
		"of another input":  func() (*onnx.Model, error) { return onnx.LoadTrees(data, onnx.Config{Input: "x"}, 1000) },
		"of another output": func() (*onnx.Model, error) {
			return onnx.LoadTrees(data, onnx.Config{Input: "features", Output: "x"}, 1000)
		},
	} {
		if _, err := load(); err == nil {
			t.Errorf("%s is served without ONNX Runtime", name)
		}
	}
	for name, change := range map[string][2]string{
		"another transformation": {"NONE", "SOFT"}, "another mode": {"BRANCH_LEQ", "BRANCH_GTE"},
	} {
		other := bytes.Replace(data, []byte(change[0]), []byte(change[1]), 1)
		m, err := r.Load(other, onnx.Config{Input: "features", Output: "scores"})
		if err != nil {
			continue
		}
		if m.Forest() != nil {
			t.Errorf("%s: is served by trees", name)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkSlowStage asks both about the parity rows of the service bundle, which are real flows.
func BenchmarkSlowStage(b *testing.B) {
	r := onnxtest.Start(b)
	data, err := os.ReadFile("../../bundles/service/slow.onnx")
	if err != nil {
		b.Fatal(err)
	}
	rows := parityRows(b, "slow")
	for name, load := range map[string]func([]byte, onnx.Config) (*onnx.Model, error){"trees": r.Load, "onnxruntime": r.LoadPlain} {
		m, err := load(data, onnx.Config{Input: "features", Output: "scores"})
		if err != nil {
			b.Fatal(err)
		}
		out := make([]float64, 32*m.Classes())
		for _, n := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("%s/%02d", name, n), func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					at := i * n % (len(rows)/m.Width() - n) * m.Width()
					if err := m.Predict(rows[at:at+n*m.Width()], n, out[:n*m.Classes()]); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
			})
		}
	}
}

// parityRows are a stage's rows of the service bundle's parity file, one behind the other.
func parityRows(b *testing.B, stage string) (rows []float32) {
	data, err := os.ReadFile("../../bundles/service/parity.json")
	if err != nil {
		b.Fatal(err)
	}
	var parity struct {
		Rows []struct {
			Stage string
			X     []float32
		}
	}
	if err := json.Unmarshal(data, &parity); err != nil {
		b.Fatal(err)
	}
	for _, r := range parity.Rows {
		if r.Stage == stage {
			rows = append(rows, r.X...)
		}
	}
	return rows
}
