package gbdt

import (
	"bytes"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// Whatever is done to a file, loading it ends, in bounded memory and without a
// panic, and what is taken predicts. An endless loop shows as the test's timeout.
func TestDamagedFiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	taken := 0
	for _, name := range []string{"stumps", "three", "categories"} {
		good := unzip(t, name+".txt.gz")
		for range 150 {
			if try(t, good[:rng.IntN(len(good))]) {
				taken++
			}
			if try(t, mutate(rng, good)) {
				taken++
			}
		}
	}
	t.Logf("%d of 900 damaged files are still whole models", taken)
}

// mutate changes one to three bytes, mostly digits to other digits, as these get furthest.
func mutate(rng *rand.Rand, good []byte) []byte {
	bad := bytes.Clone(good)
	trees := bytes.Index(bad, []byte("\nend of trees"))
	for range 1 + rng.IntN(3) {
		at := rng.IntN(trees)
		for rng.IntN(8) > 0 && (bad[at] < '0' || bad[at] > '9') {
			at = rng.IntN(trees)
		}
		if rng.IntN(8) > 0 {
			bad[at] = byte('0' + rng.IntN(10))
		} else {
			bad[at] = "-+ =\n\x00.e,~"[rng.IntN(10)]
		}
	}
	return bad
}

// try loads data and, where that is taken, predicts. It reports whether it was taken.
func try(t *testing.T, data []byte) bool {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := Load(data)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 100*uint64(len(data))+1<<20 {
		t.Errorf("a file of %d bytes took %d bytes of memory", len(data), used)
	}
	if err != nil {
		if strings.Contains(err.Error(), "panic") || strings.Contains(err.Error(), "leaves refused") {
			t.Errorf("passed our checks: %v", err)
		}
		return false
	}
	checkPredicts(t, m)
	return true
}

// checkPredicts asks for rows at the edges.
func checkPredicts(t *testing.T, m *Model) {
	t.Helper()
	const n = 4
	rows := make([]float32, n*m.Width())
	for i := range rows {
		rows[i] = []float32{-1, 0, 1e30, 65535}[i%n]
	}
	scores := make([]float64, n*m.Classes())
	if err := m.Predict(rows, n, scores); err != nil {
		t.Error(err)
	}
	for _, score := range scores {
		if math.IsInf(score, 0) || math.IsNaN(score) {
			t.Errorf("the score %v", score)
		}
	}
}
