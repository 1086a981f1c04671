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

// sickBundle makes a bundle of the fast stages of bundles/service and of a slow model
// of testdata/sick, with its digests and parity row right: nothing tells at a start
// that the model goes wrong.
func sickBundle(t *testing.T, how string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), how)
	if err := os.CopyFS(dir, os.DirFS(repository+"/bundles/service")); err != nil {
		t.Fatal(err)
	}
	model, err := os.ReadFile("testdata/sick/" + how + ".onnx")
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
	scores := make([]float32, len(manifest["classes"].([]any))) // of a row of zeros
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

// writeFile gives the file's digest as manifests have it.
func writeFile(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
