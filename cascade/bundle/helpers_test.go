package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// object is a JSON object that a test edits.
type object = map[string]any

// change spoils the bundle in a folder.
type change func(t *testing.T, dir string)

// copyBundle gives a folder of its own with a bundle of testdata.
func copyBundle(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS("testdata/"+name)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// edit changes a JSON file of the bundle.
func edit(t *testing.T, dir, name string, f func(object)) {
	t.Helper()
	var o object
	if err := json.Unmarshal(read(t, dir, name), &o); err != nil {
		t.Fatal(err)
	}
	f(o)
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, name, data)
}

// manifest edits manifest.json.
func manifest(f func(object)) change {
	return func(t *testing.T, dir string) { edit(t, dir, manifestFile, f) }
}

// set sets a field of the manifest; nil removes it.
func set(field string, value any) change {
	return manifest(func(m object) { put(m, field, value) })
}

// setStage sets a field of the stage with the number i; nil removes it.
func setStage(i int, field string, value any) change {
	return manifest(func(m object) { put(m["stages"].([]any)[i].(object), field, value) })
}

func put(o object, field string, value any) {
	if value == nil {
		delete(o, field)
	} else {
		o[field] = value
	}
}

// file replaces old by new in a file, and sets the manifest's digest right.
func file(name, old, new string) change {
	return func(t *testing.T, dir string) {
		t.Helper()
		data := read(t, dir, name)
		if !bytes.Contains(data, []byte(old)) {
			t.Fatalf("%s has no %q", name, old)
		}
		write(t, dir, name, bytes.Replace(data, []byte(old), []byte(new), 1))
		seal(t, dir, name)
	}
}

// parityRowSet sets a field of a row of parity.json; -1 is the last one.
func parityRowSet(i int, field string, value any) change {
	return func(t *testing.T, dir string) {
		edit(t, dir, "parity.json", func(p object) {
			rows := p["rows"].([]any)
			put(rows[(i+len(rows))%len(rows)].(object), field, value)
		})
		seal(t, dir, "parity.json")
	}
}

// seal writes a file's digest into the manifest.
func seal(t *testing.T, dir, name string) {
	t.Helper()
	sum := sha256.Sum256(read(t, dir, name))
	edit(t, dir, manifestFile, func(m object) { m["files"].(object)[name] = hex.EncodeToString(sum[:]) })
}

// all makes one change of several.
func all(changes ...change) change {
	return func(t *testing.T, dir string) {
		for _, c := range changes {
			c(t, dir)
		}
	}
}

// refusal spoils a bundle in one way.
type refusal struct {
	name   string
	change change
}

// checkRefusals has the bundle testdata/trees refused in each of these ways, in one line that
// names the folder and a remedy.
func checkRefusals(t *testing.T, refusals []refusal, path string) {
	t.Helper()
	var got strings.Builder
	for _, c := range refusals {
		dir := copyBundle(t, "trees")
		c.change(t, dir)
		b, err := Load(dir, Standard(""))
		if err == nil {
			b.Close()
			t.Errorf("%s: no error", c.name)
			continue
		}
		message := strings.ReplaceAll(err.Error(), dir, "DIR")
		if strings.Contains(message, "\n") || !strings.HasPrefix(message, "bundle DIR: ") || !strings.Contains(message, "; ") {
			t.Errorf("%s: not one line with folder and remedy: %q", c.name, message)
		}
		fmt.Fprintf(&got, "%s\n\t%s\n", c.name, message)
	}
	golden(t, path, got.String())
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
