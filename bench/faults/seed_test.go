package faults

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/cascade/nprint"
	"github.com/serveflow/serveflow/cascade/onnx"
)

// seed is a valid bundle with one stage, from which invalid ones are made.
type seed struct {
	manifest map[string]any
	parity   []byte
	file     string // of the model
	model    []byte
}

// write writes the bundle into a folder, with another model.
func (s seed) write(dir string, model []byte) error {
	m := maps.Clone(s.manifest)
	m["files"] = map[string]string{s.file: digest(model), "parity.json": digest(s.parity)}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"manifest.json": text, "parity.json": s.parity, s.file: model} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// seedFromBundle makes a seed of one stage of a shipped bundle, with 100 of its parity rows.
func seedFromBundle(t *testing.T, name string, stage int) seed {
	t.Helper()
	dir := filepath.Join(repository, "bundles", name)
	s := seed{}
	readJSON(t, filepath.Join(dir, "manifest.json"), &s.manifest)
	it := s.manifest["stages"].([]any)[stage].(map[string]any)
	delete(s.manifest, "drift") // what goes with the other stages, or is in other files
	delete(it, "hazard")
	delete(it, "patience")
	s.manifest["stages"] = []any{it}
	var parity map[string]any
	readJSON(t, filepath.Join(dir, "parity.json"), &parity)
	rows := slices.DeleteFunc(parity["rows"].([]any), func(row any) bool { return row.(map[string]any)["stage"] != it["name"] })
	parity["rows"] = rows[:100]
	return s.finish(t, it["file"].(string), filepath.Join(dir, it["file"].(string)), parity)
}

// seedFromModel makes a seed of one of the ONNX engine's test models. The model has no manifest;
// its own scores become the parity rows.
func seedFromModel(t *testing.T, library, name string) seed {
	t.Helper()
	path := filepath.Join(repository, "cascade", "onnx", "testdata", name+".onnx")
	engine, err := onnx.Start(library)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	output := map[string]string{"trees": "probabilities", "mlp": "scores"}[name]
	m, err := engine.Load(data, onnx.Config{Input: "features", Output: output})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s := seed{manifest: map[string]any{"schema": bundle.Schema, "task": "service", "version": "1", "features": bundle.FeaturesSchema}}
	features := nprint.Names(10)[:m.Width()]
	classes := make([]string, m.Classes())
	for i := range classes {
		classes[i] = fmt.Sprint("class ", i)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []any
	for range 30 {
		x, scores := make([]float32, m.Width()), make([]float64, m.Classes())
		for i := range x {
			x[i] = float32(rng.IntN(300) - 1)
		}
		if err := m.Predict(x, 1, scores); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, map[string]any{"stage": name, "x": x, "scores": scores})
	}
	s.manifest["classes"] = classes
	s.manifest["stages"] = []any{map[string]any{"name": name, "engine": "onnx", "file": "model.onnx", "depth": 10, "features": features,
		"input": "features", "output_name": output, "output": output, "temperature": 1, "uncertainty": "margin", "threshold": 1}}
	return s.finish(t, "model.onnx", path, map[string]any{"classes": classes, "features": map[string]any{name: features}, "rows": rows})
}

func (s seed) finish(t *testing.T, file, path string, parity map[string]any) seed {
	t.Helper()
	var err error
	if s.model, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if s.parity, err = json.Marshal(parity); err != nil {
		t.Fatal(err)
	}
	s.file = file
	s.manifest["parity"], s.manifest["calibration"], s.manifest["model_card"] = "parity.json", "parity.json", "parity.json"
	return s
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(path, ": ", err)
	}
}
