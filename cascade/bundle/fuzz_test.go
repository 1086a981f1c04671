package bundle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzManifest holds that no manifest panics, that each refusal is one line about
// the manifest, and that a manifest that is taken only names files of its folder.
func FuzzManifest(f *testing.F) {
	paths, err := filepath.Glob("testdata/*/manifest.json")
	if err != nil || len(paths) < 2 {
		f.Fatal("no seeds", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := parseManifest(data); err != nil {
			f.Fatal(path, err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"schema":"serveflow.bundle/2"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "manifest.json: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			return
		}
		for name := range m.Files {
			if filepath.Base(name) != name || !filepath.IsLocal(name) {
				t.Errorf("file %q", name)
			}
		}
	})
}
