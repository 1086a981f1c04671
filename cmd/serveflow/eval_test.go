package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/workbench/judge"
)

const (
	labLabels = "testdata/captures/lab.labels.csv"
	labJSON   = "testdata/records/lab.jsonl.zst"
)

// evaluated judges a bundle by eval --json.
func evaluated(t *testing.T, args ...string) judge.Evaluation {
	t.Helper()
	code, stdout, stderr := runCommand(t, nil, "", append([]string{"eval", "--json", "--labels", labLabels}, args...)...)
	var e judge.Evaluation
	if err := json.Unmarshal([]byte(stdout), &e); err != nil || code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	return e
}

// The figures are those of the labels that replay writes.
func TestEvalIsOfReplaysLabels(t *testing.T) {
	onnxtest.Library(t)
	e := evaluated(t, labJSON)
	code, stdout, stderr := runCommand(t, nil, "", "replay", labJSON)
	if code != exitOK {
		t.Fatal(stderr)
	}
	stages, flows := map[string]int{}, 0
	for line := range strings.Lines(stdout) {
		var l label
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		flows++
		stages[l.Stage]++
	}
	for _, s := range e.Figures.ByStage {
		if share := float64(stages[s.Name]) / float64(flows); s.All.Value != share {
			t.Errorf("%s decides %v, and in replay %v", s.Name, s.All.Value, share)
		}
	}
	f := e.Figures
	if e.Schema != judge.Schema || e.Run.Flows != flows || f.Flows.Known != 574 || f.Flows.Unlabelled != 0 || f.Flows.Known+f.Flows.Other != flows || f.Quality.Accuracy.Value < .99 {
		t.Errorf("%+v %+v, accuracy %v", e.Run, f.Flows, f.Quality.Accuracy)
	}
	if n := len(f.Alone); n != 4 || f.Deferral == nil || f.Alone[0].Wait.P99.Value != 0 || f.Alone[3].Wait.P50.Value < 100 || f.WaitAll.P50.Value != 0 {
		t.Errorf("%d stages alone: %+v", n, f.Alone)
	}
}

// A capture in place of its records gives the same figures.
func TestEvalReadsCaptures(t *testing.T) {
	onnxtest.Library(t)
	records, capture := evaluated(t, labJSON), evaluated(t, "testdata/captures/lab.pcap.zst")
	for _, e := range []*judge.Evaluation{&records, &capture} {
		if f := e.Figures; f.Quality.Accuracy.Value < .99 || f.Flows.Unlabelled > 0 || e.Run.CPU <= 0 {
			t.Errorf("%+v: %+v", e.Run, f.Flows)
		}
	}
	if records.Figures.Quality.MacroF1 != capture.Figures.Quality.MacroF1 {
		t.Errorf("%+v of records, %+v of the capture", records.Figures.Quality.MacroF1, capture.Figures.Quality.MacroF1)
	}
}

// A bundle for conn.log has one stage, which is compared with nothing, and waits for the connection's end.
func TestEvalOfConn(t *testing.T) {
	f := evaluated(t, "--task", "service-conn", "testdata/records/lab-conn.jsonl.zst").Figures
	if len(f.Alone) != 0 || f.Deferral != nil || f.WaitKnown.P90.Value < 1 || f.Flows.Unlabelled > 0 {
		t.Errorf("%+v, %+v", f.Flows, f.WaitKnown)
	}
}

// The summary fits a terminal, and the page is written whole or not at all.
func TestEvalShows(t *testing.T) {
	onnxtest.Library(t)
	page := filepath.Join(t.TempDir(), "eval.html")
	code, stdout, stderr := runCommand(t, nil, "", "eval", "--labels", labLabels, "--html", page, labJSON)
	if code != exitOK || stderr != "" || !strings.HasPrefix(stdout, "service@") || !strings.Contains(stdout, "macro-F1") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if html, err := os.ReadFile(page); err != nil || !strings.HasSuffix(strings.TrimSpace(string(html)), "</html>") {
		t.Errorf("%v: %d bytes", err, len(html))
	}
	if left, _ := os.ReadDir(filepath.Dir(page)); len(left) != 1 {
		t.Errorf("files left: %v", left)
	}
}

// Each fault is one line, and nothing is printed.
func TestEvalRefuses(t *testing.T) {
	onnxtest.Library(t)
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	other := write("other.csv", "uid,label\nC1,weather\n")
	absent := write("absent.csv", "uid,label\nC1,dns\n")
	odd := write("odd.csv", "a,b\n1,2\n")
	empty := write("empty.jsonl", "")
	for _, c := range []struct {
		name, args string
		code       int
		says       string
	}{
		{"no labels", labJSON, exitUsage, "name the known labels by --labels FILE"},
		{"no such labels", "--labels nowhere.csv " + labJSON, exitUsage, "nowhere.csv: no such file"},
		{"other columns", "--labels " + odd + " " + labJSON, exitUsage, `odd.csv: no column "label"`},
		{"no such split", "--labels ../shared/none --split x " + labJSON, exitUsage, "../shared/none"},
		{"no records", "--labels " + labLabels, exitUsage, "name a file, or - for standard input"},
		{"no such records", "--labels " + labLabels + " nowhere.jsonl", exitUsage, "nowhere.jsonl: no such file"},
		{"an empty file", "--labels " + labLabels + " " + empty, exitUsage, "there is no record in what was given"},
		{"labels of other classes", "--labels " + other + " " + labJSON, exitUsage, "none of the 1 known labels is a class of the bundle: the file has weather, and the bundle ads, "},
		{"labels of other flows", "--labels " + absent + " " + labJSON, exitUsage, "none of the 1 known flows is among the 582 of the records"},
		{"records of another log", "--labels " + labLabels + " testdata/records/lab-conn.jsonl.zst", exitUsage, "are not the Zeek package's packet and end records"},
		{"two tasks", "--task service,service-conn --labels " + labLabels + " " + labJSON, exitUsage, "SERVEFLOW_TASKS"},
		{"standard input for two things", "--labels - -", exitUsage, "standard input can be read once"},
		{"a page that cannot be written", "--labels " + labLabels + " --html " + folder + "/no/page.html " + labJSON, exitUsage, "there is no folder " + folder + "/no; make it (mkdir -p " + folder + "/no), or name another"},
		{"a page that is a folder", "--labels " + labLabels + " --html " + folder + " " + labJSON, exitUsage, "it is a folder; name a file in it, such as " + folder + "/page.html"},
		{"a page in a file", "--labels " + labLabels + " --html " + odd + "/page.html " + labJSON, exitUsage, odd + " is no folder; name another"},
		{"no such task", "--task nope --labels " + labLabels + " " + labJSON, exitUsage, `there is no bundle bundles/nope: the tasks in bundles are device, intrusion, qos, service, service-conn; name one of them by --task`},
		{"no such bundle", "--bundle nope --labels " + labLabels + " " + labJSON, exitUsage, "bundle nope: the folder cannot be read"},
	} {
		code, stdout, stderr := runCommand(t, nil, "", append([]string{"eval"}, strings.Fields(c.args)...)...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit code %d, %q, %q", c.name, code, stdout, stderr)
		}
	}
}

// Who stops it is told that, and not in which function it was.
func TestEvalStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	for _, c := range []string{"eval", "calibrate --target loss=0 --out " + filepath.Join(t.TempDir(), "mine")} {
		name, _, _ := strings.Cut(c, " ")
		code, stdout, stderr := runCommandIn(ctx, t, nil, "", append(strings.Fields(c), "--bundle", toy, "--labels", labLabels, labJSON)...)
		if want := "serveflow " + name + ": stopped before it was done\n"; code != exitFail || stdout != "" || stderr != want {
			t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
		}
	}
}

// Bad records are named and counted; the figures are of the others.
func TestEvalOfDamagedRecords(t *testing.T) {
	onnxtest.Library(t)
	bad := filepath.Join(t.TempDir(), "bad.jsonl")
	if err := os.WriteFile(bad, []byte("{\"uid\":\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runCommand(t, nil, "", "eval", "--labels", labLabels, bad, labJSON)
	if code != exitFail || !strings.Contains(stdout, "macro-F1") || !strings.Contains(stderr, "bad.jsonl:1:") || !strings.Contains(stderr, "1 of ") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}
