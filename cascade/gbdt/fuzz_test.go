package gbdt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad holds that no input panics, that leaves takes whatever the parser took,
// and that such a model predicts. The seeds are testdata/seed_*.txt.
func FuzzLoad(f *testing.F) {
	paths, err := filepath.Glob("testdata/seed_*.txt")
	if err != nil || len(paths) < 3 {
		f.Fatal("no seeds", err)
	}
	for _, path := range paths {
		seed, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := Load(seed); err != nil {
			f.Fatal(path, err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Load(data)
		if err == nil {
			checkPredicts(t, m)
		} else if strings.Contains(err.Error(), "panic") || strings.Contains(err.Error(), "leaves refused") {
			t.Error(err)
		}
	})
}
