package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// label is what a golden file holds of a label record: all that follows from the
// flow and the bundle, in a form that people can compare.
type label struct {
	UID        string  `json:"uid"`
	Label      string  `json:"label"`
	Confidence float64 `json:"confidence"`
	Stage      string  `json:"stage"`
	Reason     string  `json:"reason"`
	Packets    int     `json:"packets"`
	Gap        bool    `json:"gap"`
	WaitMS     float64 `json:"wait_ms"`
}

// replayed labels records and gives a line a flow, in order of uid.
func replayed(t *testing.T, env map[string]string, records string, args ...string) string {
	t.Helper()
	code, stdout, stderr := runCommand(t, env, records, append(append([]string{"replay"}, args...), "-")...)
	if code != exitOK {
		t.Fatalf("replay: exit code %d: %s", code, stderr)
	}
	var lines []string
	for line := range strings.Lines(stdout) {
		var l label
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, fmt.Sprintf("%-20s %-14s %.4f %-8s %-10s %2d gap=%v %.3f ms\n", l.UID, l.Label, l.Confidence, l.Stage, l.Reason, l.Packets, l.Gap, l.WaitMS))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// Every capture of testdata gives the labels that its golden file holds; a broken
// one gives those of what came before the fault, and then says what is wrong.
func TestGoldenLabels(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	captures, err := filepath.Glob(filepath.Join("testdata", "captures", "*.pcap.zst"))
	if err != nil || len(captures) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	odd, err := filepath.Glob(filepath.Join("testdata", "captures", "odd", "*.pcap*"))
	if err != nil || len(odd) == 0 {
		t.Fatalf("no odd captures: %v", err)
	}
	for _, capture := range append(captures, odd...) {
		name, _, _ := strings.Cut(filepath.Base(capture), ".")
		t.Run(name, func(t *testing.T) {
			code, records, stderr := runCommand(t, nil, "", "pcap", capture)
			stderr = withoutSummary(t, stderr)
			if (code == exitOK) != (stderr == "") || code == exitUsage || strings.Count(stderr, "\n") > 1 {
				t.Errorf("exit code %d, %q", code, stderr)
			}
			compare(t, filepath.Join("testdata", "golden", name+".labels.txt"), replayed(t, nil, records)+stderr)
		})
	}
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("%s:%d:\ngot  %s\nwant %s", golden, i+1, g[i], w[i])
		}
	}
	t.Fatalf("%s: %d lines, got %d", golden, len(w), len(g))
}
