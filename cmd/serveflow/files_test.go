package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// toy is a small bundle of made-up models: two stages, leaves and ONNX.
const toy = "cascade/bundle/testdata/mixed"

// ruled is a bundle with rules of every kind.
const ruled = "cascade/bundle/testdata/rules"

// labFile has the real records of the lab.
const labFile = "testdata/records/lab.jsonl.zst"

const twoFlows = `{"ev":"pkt","ts":1700000000.1,"uid":"Ca","id.orig_h":"10.0.0.1","id.orig_p":1024,"id.resp_h":"10.0.0.2","id.resp_p":53,"proto":"udp","n":1,"is_orig":true,"hdr":"RQAAHAAAAABAEWbPCgAAAQoAAAIEAAA1AAgAAA=="}
{"ev":"pkt","ts":1700000000.2,"uid":"Cb","id.orig_h":"10.0.0.1","id.orig_p":1025,"id.resp_h":"10.0.0.2","id.resp_p":53,"proto":"udp","n":1,"is_orig":true,"hdr":"RQAAHAAAAABAEWbPCgAAAQoAAAIEAQA1AAgAAA=="}
`

func zipped(t *testing.T, plain string) (gz, zst []byte) {
	t.Helper()
	var a, b bytes.Buffer
	g := gzip.NewWriter(&a)
	g.Write([]byte(plain))
	g.Close()
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	z.Write([]byte(plain))
	z.Close()
	return a.Bytes(), b.Bytes()
}

func TestReplayReadsFilesAsTheyAre(t *testing.T) {
	onnxtest.Library(t)
	gz, zst := zipped(t, twoFlows)
	dir := t.TempDir()
	for name, data := range map[string][]byte{"plain": []byte(twoFlows), "gz": gz, "zst": zst, "crlf": []byte(strings.ReplaceAll(twoFlows, "\n", "\r\n")),
		"no newline at the end": []byte(strings.TrimSuffix(twoFlows, "\n"))} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := runCommand(t, nil, "", "replay", "--bundle", toy, file)
		if code != exitOK || strings.Count(stdout, "\n") != 2 || stderr != "" {
			t.Errorf("%s: exit code %d, %d labels, %q", name, code, strings.Count(stdout, "\n"), stderr)
		}
	}
}

// Faults in the middle of the data: what came before is labelled, the fault is
// named with file and line, and the exit code is 1.
func TestBrokenRecordFiles(t *testing.T) {
	onnxtest.Library(t)
	gz, zst := zipped(t, twoFlows)
	for _, c := range []struct {
		name   string
		in     string
		labels int
		says   []string
	}{
		{"broken last line", twoFlows + `{"ev":"pkt","ts":17000`, 2, []string{"-:3:", "1 of 3 records could not be read"}},
		{"a bad line in the middle", "{}}\n" + twoFlows, 2, []string{"-:1:", "1 of 3 records could not be read"}},
		{"gzip cut short", string(gz[:len(gz)-10]), -1, []string{"-: cut short after line"}},
		{"zstd cut short", string(zst[:len(zst)-6]), -1, []string{"-: cut short after line"}},
		{"a line that never ends", twoFlows + strings.Repeat("x", 1<<20), 2, []string{"-:3:", "1 of 3"}},
	} {
		code, stdout, stderr := runCommand(t, nil, c.in, "replay", "--bundle", toy, "-")
		if code != exitFail || c.labels >= 0 && strings.Count(stdout, "\n") != c.labels {
			t.Errorf("%s: exit code %d, %d labels", c.name, code, strings.Count(stdout, "\n"))
		}
		for _, words := range c.says {
			if !strings.Contains(stderr, words) {
				t.Errorf("%s: %q does not say %q", c.name, stderr, words)
			}
		}
	}
}

// Records of another log are no faults, but how many there were is said.
func TestReplayPassesOtherLogsBy(t *testing.T) {
	onnxtest.Library(t)
	const foreign = `{"ts":1,"uid":"C1","id.orig_h":"10.0.0.1","conn_state":"SF"}` + "\n"
	code, stdout, stderr := runCommand(t, nil, foreign+foreign+twoFlows, "replay", "--bundle", toy, "-")
	if code != exitOK || strings.Count(stdout, "\n") != 2 || !strings.HasPrefix(stderr, "serveflow: 2 of 4 records were passed by: they are not the Zeek package's") || !strings.Contains(stderr, "--task service-conn") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}

func TestFullDiskUnderTheLabels(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	defer full.Close()
	var errs bytes.Buffer
	code := dispatch(t.Context(), terminal{strings.NewReader(twoFlows), full, &errs}, []string{"replay", "--bundle", toy, "-"})
	if code != exitFail || !strings.Contains(errs.String(), "no space left on device") || strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
}
