package gbdt

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// both gives a model as it is served, and one by leaves.
func both(t testing.TB, data []byte) (served, walked *Model) {
	t.Helper()
	f, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	served = load(t, data)
	walked = &Model{names: f.names, scores: f.scores}
	if err := walked.walk(f); err != nil {
		t.Fatal(err)
	}
	return served, walked
}

// shipped are the models of the test data and of the bundles that ship, by name.
func shipped(t testing.TB) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, name := range []string{"two", "three", "ten", "stumps", "missing_none"} {
		found[name] = unzip(t, name+".txt.gz")
	}
	files, err := filepath.Glob("../../bundles/*/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(file, "../../bundles/")] = data
	}
	return found
}

// The scores are those of leaves to the last bit, also at thresholds, and for values that no feature has.
func TestScoresEqualLeaves(t *testing.T) {
	n := 4000
	if testing.Short() {
		n = 200
	}
	for name, data := range shipped(t) {
		served, walked := both(t, data)
		if served.forest == nil {
			t.Errorf("%s is walked", name)
			continue
		}
		f, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		values := make([][]float32, served.Width()) // by feature: what lies near its thresholds, and what is odd
		odd := []float32{0, -1, float32(math.Copysign(0, -1)), float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-36, math.MaxFloat32}
		for i := range values {
			values[i] = slices.Clone(odd)
		}
		for _, tree := range f.trees {
			for _, s := range tree.Splits {
				x := float32(s.Threshold)
				values[s.Feature] = append(values[s.Feature], x, math.Nextafter32(x, 9e9), math.Nextafter32(x, -9e9))
			}
		}
		rng := rand.New(rand.NewPCG(1, 2))
		row, got, want := make([]float32, served.Width()), make([]float64, served.Classes()), make([]float64, served.Classes())
		for range n {
			for i := range row {
				row[i] = values[i][rng.IntN(len(values[i]))]
			}
			if err := served.Predict(row, 1, got); err != nil {
				t.Fatal(err)
			}
			if err := walked.Predict(row, 1, want); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %v is scored %v, and %v by leaves", name, row, got, want)
			}
		}
	}
}

// What package trees does not take is left to leaves.
func TestWalkedModels(t *testing.T) {
	for name, want := range map[string]bool{"categories": true, "missing_nan": true, "missing_zero": true, "missing_none": false, "ten": false} {
		if m := load(t, unzip(t, name+".txt.gz")); (m.walked != nil) != want || (m.forest == nil) != want {
			t.Errorf("%s: walked %v", name, !want)
		}
	}
}

// BenchmarkStages compares the ways on the parity rows of the service bundle, which are real flows: leaves and package trees
// row by row, and package trees with 64 rows at once.
func BenchmarkStages(b *testing.B) {
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
	for _, stage := range []string{"first", "second", "deep"} {
		model, err := os.ReadFile("../../bundles/service/" + stage + ".txt")
		if err != nil {
			b.Fatal(err)
		}
		served, walked := both(b, model)
		var rows []float32
		for _, r := range parity.Rows {
			if r.Stage == stage {
				rows = append(rows, r.X...)
			}
		}
		for _, way := range []struct {
			name string
			m    *Model
			n    int
		}{{"leaves/1", walked, 1}, {"trees/1", served, 1}, {"trees/64", served, 64}} {
			b.Run(stage+"/"+way.name, func(b *testing.B) {
				size, out := way.n*served.Width(), make([]float64, way.n*served.Classes())
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					at := i * size % (len(rows) - size + 1) / served.Width() * served.Width()
					if err := way.m.Predict(rows[at:at+size], way.n, out); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*way.n), "ns/row")
			})
		}
	}
}
