// Package bundletest writes variants of a bundle for tests.
package bundletest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const manifestFile = "manifest.json"

// Stage is a stage as manifest.json has it: its fields by their names. Numbers are float64.
type Stage map[string]any

// Name is the stage's name.
func (s Stage) Name() string { return s["name"].(string) }

// manifest is the part of manifest.json that a variant needs.
type manifest struct {
	Stages      []Stage `json:"stages"`
	Parity      string  `json:"parity"`
	Calibration string  `json:"calibration"`
	Card        string  `json:"model_card"`
}

// parity is the file with the rows that the models must score as in training.
type parity struct {
	Classes  []string       `json:"classes"`
	Features map[string]any `json:"features"` // by stage, and by STAGE.hazard or STAGE.novelty
	Rows     []parityRow    `json:"rows"`
}

type parityRow struct {
	Stage  string          `json:"stage"`
	X      json.RawMessage `json:"x"`
	Scores json.RawMessage `json:"scores"`
}

// Stages returns the stages of the bundle in a folder, from first to last. The test fails if
// the manifest cannot be read.
func Stages(t testing.TB, folder string) []Stage {
	t.Helper()
	var m manifest
	read(t, filepath.Join(folder, manifestFile), &m)
	return m.Stages
}

// Variant writes the bundle in the folder from with other stages, and returns the new folder,
// which is removed when the test ends. change gets the stages from first to last, may set and
// delete their fields, and returns those that stay. Models and parity rows that these do not
// use are left out, and so is the reference for drift, which holds for the stages of before.
// The test fails if anything cannot be read or written.
func Variant(t testing.TB, from string, change func([]Stage) []Stage) (folder string) {
	t.Helper()
	var m manifest
	var fields map[string]any // of manifest.json, which stay as they are but for those set here
	read(t, filepath.Join(from, manifestFile), &m)
	read(t, filepath.Join(from, manifestFile), &fields)
	stages := change(m.Stages)
	features, files := models(stages)

	var known parity
	read(t, filepath.Join(from, m.Parity), &known)
	known.Features = features
	known.Rows = slices.DeleteFunc(known.Rows, func(r parityRow) bool { return features[r.Stage] == nil })

	contents := map[string][]byte{m.Parity: toJSON(t, known)}
	for _, name := range append(files, m.Calibration, m.Card) {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		contents[name] = data
	}
	digests := map[string]string{}
	for name, data := range contents {
		sum := sha256.Sum256(data)
		digests[name] = hex.EncodeToString(sum[:])
	}
	fields["stages"], fields["files"] = stages, digests
	delete(fields, "drift")
	contents[manifestFile] = toJSON(t, fields)

	folder = t.TempDir()
	for name, data := range contents {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// models gives the features of each model that the stages have, by its name in the parity file,
// and the models' files.
func models(stages []Stage) (features map[string]any, files []string) {
	features = map[string]any{}
	for _, s := range stages {
		features[s.Name()], files = s["features"], append(files, s["file"].(string))
		for _, kind := range []string{"hazard", "novelty"} {
			side, _ := s[kind].(map[string]any)
			if file, ok := side["file"].(string); ok { // a novelty may be a class instead
				features[s.Name()+"."+kind], files = side["features"], append(files, file)
			}
		}
	}
	return features, files
}

func read(t testing.TB, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func toJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
