package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// A calibrated bundle passes every check, differs in its rules, and keeps its promise on the flows
// that chose them.
func TestCalibrate(t *testing.T) {
	onnxtest.Library(t)
	out := filepath.Join(t.TempDir(), "mine")
	code, stdout, stderr := runCommand(t, nil, "", "calibrate", "--labels", labLabels, "--target", "within=16ms:0.98", "--sure", "0", "--trials", "60", "--out", out, labJSON)
	if code != exitOK || !strings.Contains(stdout, "Promise: 98.0% of labels come within 16 ms") || !strings.Contains(stderr, "50 choices tried") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	if code, report, stderr := runCommand(t, nil, "", "bundle", "verify", out); code != exitOK || !strings.Contains(report, "-calibrated") {
		t.Errorf("exit code %d: %s%s", code, report, stderr)
	}
	if e := evaluated(t, "--bundle", out, labJSON); e.Figures.WaitAll.Under.Value < .98 || !strings.HasSuffix(e.Bundle, "-calibrated") {
		t.Errorf("%s: %+v", e.Bundle, e.Figures.WaitAll)
	}
	var told struct {
		Target string `json:"target"`
		Choice struct {
			Kept  bool `json:"kept"`
			Check *struct{}
		} `json:"choice"`
	}
	data, err := os.ReadFile(filepath.Join(out, "calibrated.json"))
	if err != nil || json.Unmarshal(data, &told) != nil || told.Target != "within=16ms:0.98" || !told.Choice.Kept {
		t.Errorf("%v: %s", err, data)
	}
	if card, err := os.ReadFile(filepath.Join(out, "MODEL_CARD.md")); err != nil || !strings.Contains(string(card), "## Calibrated anew\n\nFor the target `within=16ms:0.98`, with 574 flows whose label is known, of 1 capture.") {
		t.Errorf("%v: %.600s", err, card)
	}
	if page, err := os.ReadFile(filepath.Join(out, "calibrated.html")); err != nil || !strings.Contains(string(page), "of labels within 16 ms") {
		t.Errorf("%v: %d bytes", err, len(page))
	}
}

// Where families count, the bundle that is written has their thresholds, and its labels stay classes.
func TestCalibrateByFamily(t *testing.T) {
	onnxtest.Library(t)
	folder := t.TempDir()
	from, out := filepath.Join(folder, "families"), filepath.Join(folder, "mine")
	if err := os.CopyFS(from, os.DirFS(filepath.Join(repositoryRoot(t), "bundles/service"))); err != nil {
		t.Fatal(err)
	}
	m := manifestOf(t, from)
	m["families"] = []any{map[string]any{"name": "small", "classes": []any{"dns", "infra", "discovery"}, "threshold": .75}}
	data, err := json.Marshal(m)
	if err := errors.Join(err, os.WriteFile(filepath.Join(from, "manifest.json"), data, 0o600)); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runCommand(t, nil, "", "calibrate", "--families", "--bundle", from, "--labels", labLabels, "--target", "loss=0", "--sure", "0", "--trials", "10", "--out", out, labJSON)
	if code != exitOK || !strings.Contains(stdout, "each class counts as its family") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	now := "lets no answer out"
	family := manifestOf(t, out)["families"].([]any)[0].(map[string]any)
	if threshold, there := family["threshold"].(float64); there {
		now = fmt.Sprintf("threshold %.4f", threshold)
	}
	if _, families, _ := strings.Cut(stdout, "Families:\n"); !strings.Contains(families, "0.7500") || !strings.Contains(families, now) {
		t.Errorf("the manifest has %q: %s", now, stdout)
	}
	var told struct{ Families bool }
	data, err = os.ReadFile(filepath.Join(out, "calibrated.json"))
	if err != nil || json.Unmarshal(data, &told) != nil || !told.Families {
		t.Errorf("%v: %s", err, data)
	}
	e := evaluated(t, "--bundle", out, labJSON)
	if f := e.Figures; f.Families == nil || f.Families.MacroF1.Value < .97 || len(f.Quality.Classes) <= len(f.Families.Classes) {
		t.Errorf("%+v", f.Families)
	}
}

// manifestOf reads the manifest of the bundle in a folder.
func manifestOf(t *testing.T, dir string) (m map[string]any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A split that training learns from is warned of; the one that judges is not.
func TestCalibrateWarnsOfWhatWasLearned(t *testing.T) {
	onnxtest.Library(t)
	for split, warned := range map[string]bool{"train": true, "calib": true, "test": false} {
		few := writtenFile(t, "labels.csv", "uid,label,split\nC1,dns,"+split+"\n")
		_, _, stderr := runCommand(t, nil, "", "calibrate", "--labels", few, "--split", split, "--target", "loss=0", "--out", filepath.Join(t.TempDir(), "mine"), labJSON)
		if got := strings.Contains(stderr, "--split "+split+": models that train makes have learned from these flows, so the choice will look better than it is"); got != warned {
			t.Errorf("%s: %q", split, stderr)
		}
	}
}

// Each fault is one line, and no folder is written.
func TestCalibrateRefuses(t *testing.T) {
	onnxtest.Library(t)
	folder := t.TempDir()
	out := filepath.Join(folder, "mine")
	few := filepath.Join(folder, "few.csv")
	labels, err := os.ReadFile(filepath.Join(repositoryRoot(t), labLabels))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(few, []byte(strings.Join(strings.SplitAfterN(string(labels), "\n", 101)[:100], "")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, args, says string }{
		{"no target", "--labels " + labLabels + " --out " + out, "name what to choose for by --target"},
		{"no such target", "--labels " + labLabels + " --target fast=1 --out " + out, `--target fast=1: "fast" is no kind of target: choose defer=SHARE`},
		{"no folder", "--labels " + labLabels + " --target loss=0", "name the folder of the new bundle by --out"},
		{"a folder that is there", "--labels " + labLabels + " --target loss=0 --out " + folder, "it is there already; name a folder that is not"},
		{"a folder in none", "--labels " + labLabels + " --target loss=0 --out " + folder + "/no/mine", "there is no folder " + folder + "/no; make it (mkdir -p " + folder + "/no), or name another"},
		{"a folder in a file", "--labels " + labLabels + " --target loss=0 --out " + few + "/mine", few + " is no folder; name another"},
		{"how sure", "--labels " + labLabels + " --target loss=0 --sure 2 --out " + out, "--sure 2: choose a share from 0 to 1"},
		{"how many", "--labels " + labLabels + " --target loss=0 --trials 1 --out " + out, "--trials 1: choose at least 10"},
		{"no families", "--families --bundle " + toy + " --labels " + labLabels + " --target loss=0 --out " + out, "has no families; name some in " + filepath.Join(toy, "manifest.json") + ", or leave the flag out"},
		{"too few flows", "--labels " + few + " --target loss=0 --out " + out, "99 known flows have a label that is a class of the bundle: at least 200 are needed"},
		{"one stage, which is asked once", "--task service-conn --labels " + labLabels + " --target loss=0 --out " + out, "the cascade has no rule to choose"},
	} {
		records := labJSON
		if strings.Contains(c.args, "conn") {
			records = "testdata/records/lab-conn.jsonl.zst"
		}
		code, stdout, stderr := runCommand(t, nil, "", append([]string{"calibrate"}, append(strings.Fields(c.args), records)...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q", c.name, code, stdout, stderr)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a folder was written")
	}
}
