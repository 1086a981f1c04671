package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// The demo serves several tasks on one pass, and ends with a summary of each.
func TestDemoOfTwoTasks(t *testing.T) {
	onnxtest.Library(t)
	bundles := bundlesOf(t, map[string]string{"service": "bundles/service", "ruled": ruled})
	t.Chdir(repositoryRoot(t))
	code, stdout, stderr := runCommand(t, map[string]string{"SERVEFLOW_BUNDLE": bundles}, "", "demo", "--task", "service,ruled", "--speed", "30", "--json", "--dir", t.TempDir())
	if code != exitOK {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	var seen []string
	for line := range strings.Lines(stdout) {
		var s struct {
			Task              string
			Flows, Unlabelled int
			Slow              struct{ Known int } `json:"slow_only"`
		}
		if json.Unmarshal([]byte(line), &s) != nil {
			continue // a label
		}
		if seen = append(seen, s.Task); s.Flows == 0 || s.Unlabelled != 0 || s.Slow.Known == 0 {
			t.Error(line)
		}
	}
	if strings.Join(seen, ",") != "service,ruled" {
		t.Errorf("summaries of %q", seen)
	}
}

// Away from the repository's root, the demo says where its files are.
func TestDemoWithoutItsFiles(t *testing.T) {
	t.Chdir(repositoryRoot(t))
	for option, missing := range map[string]string{"--records": "stat", "--labels": "open"} {
		code, _, stderr := runCommand(t, map[string]string{"SERVEFLOW_BUNDLE": toy}, "", "demo", option, "nowhere", "--dir", t.TempDir())
		want := "serveflow demo: " + missing + " nowhere: no such file or directory; run it in the root of the repository, or name the files with --records and --labels\n"
		if code != exitUsage || stderr != want {
			t.Errorf("exit code %d, %q", code, stderr)
		}
	}
}
