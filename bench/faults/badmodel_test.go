package faults

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// badModelBundle makes a bundle of the fast stages of bundles/service and of a slow model of
// testdata/badmodels; it returns its folder. Digests and parity rows are right, so the fault
// does not show when the bundle is loaded.
func badModelBundle(t *testing.T, fault string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), fault)
	if err := os.CopyFS(dir, os.DirFS(repository+"/bundles/service")); err != nil {
		t.Fatal(err)
	}
	model, err := os.ReadFile("testdata/badmodels/" + fault + ".onnx")
	if err != nil {
		t.Fatal(err)
	}
	manifest, parity := readObject(t, dir, "manifest.json"), readObject(t, dir, "parity.json")
	var width int
	for _, s := range manifest["stages"].([]any) {
		if stage := s.(map[string]any); stage["name"] == "slow" {
			width = len(stage["features"].([]any))
		}
	}
	scores := make([]float32, len(manifest["classes"].([]any))) // the model's for a row of zeros
	for i := range scores {
		scores[i] = float32(i) / 10
	}
	rows := slices.DeleteFunc(parity["rows"].([]any), func(r any) bool { return r.(map[string]any)["stage"] == "slow" })
	parity["rows"] = append(rows, map[string]any{"stage": "slow", "x": make([]float32, width), "scores": scores})
	files := manifest["files"].(map[string]any)
	files["slow.onnx"] = writeFile(t, dir, "slow.onnx", model)
	files["parity.json"] = writeFile(t, dir, "parity.json", encoded(t, parity))
	writeFile(t, dir, "manifest.json", encoded(t, manifest))
	return dir
}

func readObject(t *testing.T, dir, name string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func encoded(t *testing.T, o map[string]any) []byte {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// writeFile writes a file and returns its digest in the form that manifests have.
func writeFile(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
