package gbdt

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"io"
	"math"
	"os"
	"strconv"
	"testing"
)

// models names the files of testdata/make.py: NAME.txt.gz, the model, and NAME.csv.gz,
// rows with LightGBM's own raw scores.
var models = []string{"three", "ten", "missing_nan", "missing_zero", "missing_none", "categories", "stumps", "two"}

func TestScoresEqualLightGBM(t *testing.T) {
	for _, name := range models {
		t.Run(name, func(t *testing.T) {
			data := unzip(t, name+".txt.gz")
			m := load(t, data)
			rows, want, n := table(t, name, m)
			if n < 1000 {
				t.Fatalf("only %d rows", n)
			}
			got := make([]float64, n*m.Classes())
			if err := m.Predict(rows, n, got); err != nil {
				t.Fatal(err)
			}
			worst := compare(t, got, want, m.Classes())
			t.Logf("%d rows, largest difference %g", n, worst)
		})
	}
}

// compare fails where a score is 1e-6 off or another class wins; it gives the largest difference.
func compare(t *testing.T, got, want []float64, classes int) (worst float64) {
	t.Helper()
	for i := range got {
		diff := math.Abs(got[i] - want[i])
		worst = max(worst, diff)
		if !(diff <= 1e-6) {
			t.Fatalf("row %d, class %d: got %v, LightGBM %v", i/classes, i%classes, got[i], want[i])
		}
	}
	for i := 0; i < len(got); i += classes {
		if g, w := winner(got[i:i+classes]), winner(want[i:i+classes]); g != w {
			t.Fatalf("row %d: class %d wins, with LightGBM %d", i/classes, g, w)
		}
	}
	return worst
}

func winner(scores []float64) int {
	best := 0
	for i, s := range scores {
		if s > scores[best] {
			best = i
		}
	}
	return best
}

// LightGBM 2 and 3 wrote the same trees under another version.
func TestVersionsAgree(t *testing.T) {
	v4 := unzip(t, "three.txt.gz")
	m := load(t, v4)
	rows, want, n := table(t, "three", m)
	for _, version := range []string{"v2", "v3"} {
		old := load(t, bytes.Replace(v4, []byte("version=v4"), []byte("version="+version), 1))
		got := make([]float64, len(want))
		if err := old.Predict(rows, n, got); err != nil {
			t.Fatal(err)
		}
		compare(t, got, want, m.Classes())
	}
}

func load(t testing.TB, data []byte) *Model {
	t.Helper()
	m, err := Load(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// table reads rows and scores of testdata/NAME.csv.gz, and checks the columns' names.
func table(t testing.TB, name string, m *Model) (rows []float32, scores []float64, n int) {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(unzip(t, name+".csv.gz"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, feature := range m.FeatureNames() {
		if lines[0][i] != feature {
			t.Fatalf("column %d is %s, and %s in the model", i, lines[0][i], feature)
		}
	}
	for _, line := range lines[1:] {
		for i, text := range line {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			if i < m.Width() {
				rows = append(rows, float32(v))
			} else {
				scores = append(scores, v)
			}
		}
	}
	return rows, scores, len(lines) - 1
}

func unzip(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
