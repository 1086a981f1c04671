package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// The two flows of twoFlows as a TSV log.
const (
	tsvHeader = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tserveflow\n#open\t2026-11-24-10-00-00\n" +
		"#fields\tev\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tn\tis_orig\thdr\tsensor\n" +
		"#types\tstring\ttime\tstring\taddr\tport\taddr\tport\tenum\tcount\tbool\tstring\tstring\n"
	tsvRow1 = "pkt\t1700000000.100000\tCa\t10.0.0.1\t1024\t10.0.0.2\t53\tudp\t1\tT\tRQAAHAAAAABAEWbPCgAAAQoAAAIEAAA1AAgAAA==\t-\n"
	tsvRow2 = "pkt\t1700000000.200000\tCb\t10.0.0.1\t1025\t10.0.0.2\t53\tudp\t1\tT\tRQAAHAAAAABAEWbPCgAAAQoAAAIEAQA1AAgAAA==\t-\n"
)

// lines are twoFlows, line by line.
func lines(t *testing.T) (one, two string) {
	t.Helper()
	one, two, _ = strings.Cut(strings.TrimSpace(twoFlows), "\n")
	return one + "\n", two
}

// Whatever form a file has, its records give the same labels and features.
func TestEveryFormGivesTheSameLabels(t *testing.T) {
	onnxtest.Library(t)
	one, two := lines(t)
	want := replayed(t, nil, twoFlows, "--bundle", toy)
	_, table, _ := runCommand(t, nil, twoFlows, "features", "--depth", "1", "-")
	for name, text := range map[string]string{
		"TSV":                     tsvHeader + tsvRow1 + tsvRow2 + "#close\t2026-11-24-11-00-00\n",
		"TSV, CR LF and mark":     "\xef\xbb\xbf" + strings.ReplaceAll(tsvHeader+tsvRow1+tsvRow2, "\n", "\r\n"),
		"TSV files, concatenated": tsvHeader + tsvRow1 + tsvHeader + tsvRow2,
		"JSON, CR LF and mark":    "\xef\xbb\xbf" + strings.ReplaceAll(twoFlows, "\n", "\r\n"),
		"JSON, then TSV":          one + tsvHeader + tsvRow2,
		"TSV, then JSON":          tsvHeader + tsvRow1 + two,
	} {
		if got := replayed(t, nil, text, "--bundle", toy); got != want {
			t.Errorf("%s: got\n%swant\n%s", name, got, want)
		}
		if _, got, stderr := runCommand(t, nil, text, "features", "--depth", "1", "-"); got != table {
			t.Errorf("%s: got\n%swant\n%s%s", name, got, table, stderr)
		}
	}
}

// A conn.log in TSV gives labels, and features.
func TestConnLogInTSV(t *testing.T) {
	file := "flow/zeek/logfile/testdata/tsv-conn.log"
	code, stdout, stderr := runCommand(t, nil, "", "replay", "--task", connTask, file)
	if code != exitOK || strings.Count(stdout, "\n") != 2 || stderr != "" {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = runCommand(t, nil, "", "features", "--input", "conn", file)
	if code != exitOK || strings.Count(stdout, "\n") != 3 || stderr != "" {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
}

// sent sends files and gives what is then in the topic.
func sent(t *testing.T, in string, files ...string) (values []string, keys []string, code int, stderr string) {
	t.Helper()
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic))
	code, _, stderr = runCommand(t, map[string]string{"SERVEFLOW_BROKERS": addr}, in, append([]string{"send", "--speed", "0"}, files...)...)
	for _, m := range kafkatest.ReadAll(t, addr, packetsTopic) {
		values, keys = append(values, string(m.Value)), append(keys, string(m.Key))
	}
	return values, keys, code, stderr
}

// send writes the records of a TSV log as JSON, keyed by uid.
func TestSendReadsTSV(t *testing.T) {
	values, keys, code, stderr := sent(t, "", "flow/zeek/logfile/testdata/tsv-conn.log")
	if code != exitOK || len(values) != 2 || keys[0] != "CTsv00000001abcdef" || !strings.HasPrefix(values[0], `{"ts":1764000000.000001,"uid":"CTsv00000001abcdef",`) {
		t.Errorf("exit code %d, %q %q, %s", code, keys, values, stderr)
	}
}

// send does not write what is no record: it names the lines, goes on, and fails at the end.
func TestSendRefusesWhatIsNoRecord(t *testing.T) {
	one, two := lines(t)
	const dns = `{"ts":1700000000.3,"uid":"Cc","query":"a.example"}`
	values, _, code, stderr := sent(t, "no record\n"+one+"{\"ev\":\"pkt\"}\n"+two+"\n[]\n"+`{"a":1}
{"message":"hello"}
{"ts":1700000000.3,"uid":"","query":"a.example"}
{"_path":"conn","ts":1700000000.3,"uid":"Cd","id.orig_h":"10.0.0.256","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":53,"proto":"udp"}
`+dns+"\n", "-")
	if code != exitFail || len(values) != 3 || values[1] != two || values[2] != dns {
		t.Errorf("exit code %d, %q", code, values)
	}
	for _, want := range []string{"-:1: zeek record: syntax: neither JSON nor TSV", "-:3: zeek record: field_missing: ts", "-:5: ", "-:6: zeek record: field_missing: uid", "-:7: ", "-:8: ", "-:9: zeek record: field_type: id.orig_h",
		"sent to serveflow.packets: 3 records", "; 1 of them are of other logs", "7 of 10 records could not be read; all others were"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q does not say %q", stderr, want)
		}
	}
}

// One file is damaged, one is no log at all: the others are still read, and the exit code
// and a line each say so. A file that is not there is found before anything is read.
func TestDamagedFilesAmongOthers(t *testing.T) {
	onnxtest.Library(t)
	dir := t.TempDir()
	one, two := lines(t)
	gz, _ := zipped(t, strings.Repeat(one, 100))
	for name, text := range map[string]string{"a.log": one, "cut.log.gz": string(gz[:len(gz)-10]), "none.log": tsvRow1, "b.log": two, "empty.log": "", "header.log": tsvHeader} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		files  []string
		code   int
		labels int
		says   []string
	}{
		{[]string{at("a.log"), at("cut.log.gz"), at("b.log")}, exitFail, 2, []string{"cut.log.gz: cut short after line", "still being written, or was cut: read it again"}},
		{[]string{at("cut.log.gz"), at("a.log"), at("cut.log.gz")}, exitFail, 1, []string{"2 of 3 files could not be read to their end"}},
		{[]string{at("a.log"), at("none.log"), at("b.log")}, exitFail, 2, []string{"none.log: no line of it is a record (1 refused): its rows have no header", "1 of 3 records could not be read"}},
		{[]string{at("none.log")}, exitFail, 0, []string{"none of 1 records could be read"}},
		{[]string{at("empty.log"), at("header.log"), at("a.log")}, exitOK, 1, []string{"empty.log: there is no record in it", "header.log: there is no record in it"}},
		{[]string{at("cut.log.gz"), at("none.log")}, exitFail, 1, []string{"cut short", "; and 1 of "}},
		{[]string{at("a.log"), at("nowhere.log")}, exitUsage, 0, []string{"nowhere.log"}},
	} {
		code, stdout, stderr := runCommand(t, nil, "", append([]string{"replay", "--bundle", toy}, c.files...)...)
		if got := strings.Count(stdout, "\n"); code != c.code || got != c.labels {
			t.Errorf("%v: exit code %d, %d labels\n%s", c.files, code, got, stderr)
		}
		for _, want := range c.says {
			if !strings.Contains(stderr, want) {
				t.Errorf("%v: %q does not say %q", c.files, stderr, want)
			}
		}
	}
}

// Two records of one connection, in conn_long.log and conn.log. By its _path, the header's
// #path or the file's name, only the second makes a flow.
func TestOnlyConnLogMakesFlows(t *testing.T) {
	const both = "flow/zeek/testdata/conn-long.jsonl"
	code, stdout, stderr := runCommand(t, nil, "", "replay", "--task", connTask, both)
	if code != exitOK || strings.Count(stdout, "\n") != 1 || !strings.Contains(stdout, `"packets":74296`) || stderr != "serveflow: 1 of 2 records were passed by: only those of conn.log make flows: with a uid, and a _path that says conn or a conn_state\n" {
		t.Errorf("by _path: exit code %d, %s%s", code, stdout, stderr)
	}
	text, err := os.ReadFile(filepath.Join(repositoryRoot(t), both))
	if err != nil {
		t.Fatal(err)
	}
	long, rest, _ := strings.Cut(strings.NewReplacer(`"_path":"conn_long",`, "", `"_path":"conn",`, "").Replace(string(text)), "\n")
	for name, text := range map[string]string{"conn_long.2026-11-24-10-00-00.log": long, "conn.log": rest, "http.log": rest} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr = runCommand(t, nil, "", "replay", "--task", connTask, file)
		if want := map[bool]int{true: 1, false: 0}[name == "conn.log"]; code != exitOK || strings.Count(stdout, "\n") != want || strings.Count(stderr, "only conn.log makes flows") != 1-want {
			t.Errorf("%s: exit code %d, %s%s", name, code, stdout, stderr)
		}
		if values, _, _, _ := sent(t, "", file); name == "http.log" && !strings.HasPrefix(values[0], `{"_path":"http",`) || name == "conn.log" && values[0]+"\n" != rest {
			t.Errorf("%s: sent %q", name, values)
		}
	}
}

// A file that cannot be a log is refused as a whole, in one line, and the others are read.
func TestFilesThatAreNoLogs(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.log": tsvHeader + tsvRow1, "b.log.xz": "\xfd7zXZ\x00\x00\x04\n\n\n", "c.log": "\xff\xfe{\x00\n\x00"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := runCommand(t, nil, "", "features", filepath.Join(dir, "b.log.xz"), filepath.Join(dir, "a.log"), filepath.Join(dir, "c.log"))
	if code != exitFail || strings.Count(stdout, "\n") != 2 || strings.Count(stderr, "\n") != 3 {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	for _, want := range []string{"b.log.xz: decompress: it is compressed by xz, which is not read: unpack it\n", "c.log: it is UTF-16: write it as UTF-8\n", "2 of 3 files could not be read to their end"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q does not say %q", stderr, want)
		}
	}
}
