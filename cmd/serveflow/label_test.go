package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	labelRecords = "testdata/records/lab.jsonl.zst"
	labelTruth   = "labels:testdata/captures/lab.labels.csv"
	annotateData = "workbench/annotate/testdata/"
)

// written puts text into a file of the test.
func writtenFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// The lab from two sources with a map: what is said of it is in the golden file.
func TestLabelTheLab(t *testing.T) {
	missed := filepath.Join(t.TempDir(), "missed.csv")
	code, stdout, stderr := runCommand(t, nil, "", "label", "--from", "ndpi:"+annotateData+"lab.ndpi.csv.zst", "--from", "suricata:"+annotateData+"lab.eve.json",
		"--map", annotateData+"lab.map.csv", "--rest", "other", "--unmatched", missed, labelRecords)
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if code != exitOK || err != nil || len(rows) != 573 {
		t.Errorf("exit code %d, %d rows, %v", code, len(rows), err)
	}
	compare(t, filepath.Join("testdata", "golden", "label.txt"), stderr)
	text, err := os.ReadFile(missed)
	if err != nil || strings.Count(string(text), "\n") != 55 || !strings.Contains(string(text), "lab.ndpi.csv.zst,119,its name fits no pattern of the map,MQTT\n") {
		t.Errorf("%v\n%.500s", err, text)
	}
}

// A labels file of another run, of records on standard input, to a file that had something in it.
func TestLabelToAFile(t *testing.T) {
	_, records, _ := runCommand(t, nil, "", "pcap", "testdata/captures/lab.pcap.zst")
	out := writtenFile(t, "labels.csv", strings.Repeat("old\n", 100_000))
	code, stdout, stderr := runCommand(t, nil, records, "label", "--from", labelTruth, "--out", out, "-")
	text, err := os.ReadFile(out)
	if code != exitOK || stdout != "" || err != nil || strings.Count(string(text), "\n") != 575 || strings.Contains(string(text), "old") {
		t.Errorf("exit code %d, %d lines, %v, %s", code, strings.Count(string(text), "\n"), err, stderr)
	}
}

// Several record files have their names in a column.
func TestLabelSeveralFiles(t *testing.T) {
	one, two := writtenFile(t, "one.log", packetLine("C1", 1)), writtenFile(t, "two.log", packetLine("C2", 2)+packetLine("C3", 3)+`{"ev":"end","ts":9,"uid":"C3","proto":"tcp"}`+"\n")
	code, stdout, _ := runCommand(t, nil, "", "label", "--rest", "x", one, two)
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if code != exitOK || err != nil || len(rows) != 4 || rows[0][9] != "capture_id" || rows[1][9] != one || rows[3][9] != two {
		t.Errorf("exit code %d, %v, %v", code, rows, err)
	}
}

// Training finds the parts of a data set by a column, which the files' names give.
func TestLabelSplits(t *testing.T) {
	one, two := writtenFile(t, "train.log.txt", packetLine("C1", 1)), writtenFile(t, "calib.log", packetLine("C2", 2))
	for _, c := range []struct {
		files, want []string
	}{
		{[]string{one}, []string{"source split", "rest train"}},
		{[]string{one, two}, []string{"source capture_id split", "rest " + one + " train", "rest " + two + " calib"}},
	} {
		code, stdout, _ := runCommand(t, nil, "", append([]string{"label", "--rest", "x", "--splits"}, c.files...)...)
		rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
		var got []string
		for _, row := range rows {
			got = append(got, strings.Join(row[8:], " "))
		}
		if code != exitOK || err != nil || !slices.Equal(got, c.want) {
			t.Errorf("exit code %d, %v, %q, want %q", code, err, got, c.want)
		}
	}
}

func packetLine(uid string, port int) string {
	return `{"ev":"pkt","ts":1,"uid":"` + uid + `","id.orig_h":"10.0.0.1","id.orig_p":` + string(rune('0'+port)) + `,"id.resp_h":"192.0.2.1","id.resp_p":80,"proto":"tcp","n":1,"is_orig":true}` + "\n"
}

// What is wrong is one line that names it, and nothing is lost on the way: a file for the labels
// is left as it is until there are some.
func TestLabelRefuses(t *testing.T) {
	text := writtenFile(t, "text", "no log\n")
	devices := writtenFile(t, "devices.csv", "mac,label\n00:00:00:00:00:01,phone\nx,tv\n")
	rules := writtenFile(t, "rules.csv", "a,b\nc\n")
	nameless := writtenFile(t, "nameless.csv", "*,unknown\n")
	truth, records := labelTruth, labelRecords
	cut := writtenFile(t, "cut.zst", "\x28\xb5\x2f\xfd\x04")
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--from", truth, "--unmatched", text, text}, exitUsage, `text is read and would be written`},
		{[]string{records}, exitUsage, `name a source of labels: --from KIND:FILE`},
		{[]string{"--from", truth}, exitUsage, `name a file`},
		{[]string{"--from", "conn.log", records}, exitUsage, `--from conn\.log: write KIND:FILE`},
		{[]string{"--from", "con:conn.log", records}, exitUsage, `"con" is no kind of source; it is one of conn, ssl,`},
		{[]string{"--from", "conn:", records}, exitUsage, `write KIND:FILE`},
		{[]string{"--from", "conn:none.log", records}, exitUsage, `none\.log: no such file`},
		{[]string{"--from", truth, "none.log"}, exitUsage, `none\.log: no such file`},
		{[]string{"--from", "conn:-", "-"}, exitUsage, `- is named 2 times`},
		{[]string{"--from", truth, "--rest", " x", records}, exitUsage, `--rest: the label " x"`},
		{[]string{"--from", truth, "--rest", "unknown", records}, exitUsage, `--rest: the label "unknown" is what every bundle says of flows that are like no class`},
		{[]string{"--from", truth, "--map", nameless, records}, exitUsage, `nameless\.csv: line 1: the label "unknown" is`},
		{[]string{"--from", truth, "--splits", "-"}, exitUsage, `--splits: standard input has no name; name a file`},
		{[]string{"--from", truth, "--splits", ".log"}, exitUsage, `--splits: \.log has no name before the first dot`},
		{[]string{"--from", truth, "--slack", "-1s", records}, exitUsage, `--slack -1s: choose 0s or more`},
		{[]string{"--from", truth, "--dns-window", "-1s", records}, exitUsage, `--dns-window -1s`},
		{[]string{"--from", truth, "--slack", "soon", records}, exitUsage, `--slack soon: choose a time with its unit`},
		{[]string{"--from", truth, "--map", rules, records}, exitUsage, `rules\.csv: line 2 has 1 columns`},
		{[]string{"--from", truth, "--unmatched", "-", records}, exitUsage, `--unmatched -: name a file`},
		{[]string{"--from", truth, "--unmatched", "none/x", records}, exitUsage, `none/x: no such file`},
		{[]string{"--from", "conn:" + text, records}, exitUsage, `--from conn:\S*text: no line of it can be read \(1 refused\); line 1: .*neither JSON nor TSV`},
		{[]string{"--from", "ndpi:" + text, records}, exitUsage, `no output of nDPI`},
		{[]string{"--from", "labels:" + text, records}, exitUsage, `has not the columns orig_h`},
		{[]string{"--from", truth, "--macs", text, records}, exitUsage, `--macs \S*text: no line of it can be read`},
		{[]string{"--from", "conn:testdata/captures/lab.pcap.zst", records}, exitFail, `packet capture: serveflow pcap reads it`},
		{[]string{"--from", "conn:testdata/records/lab-conn.jsonl.zst", records}, exitFail, `no flow got a label`},
		{[]string{"--from", "devices:" + devices, records}, exitFail, `1 line could not be read, all others were; the first: line 3: "x" is no MAC address`},
		{[]string{"--from", truth, cut}, exitFail, `cut\.zst: .*cut`},
		{[]string{"--from", truth, text}, exitFail, `none of 1 records could be read`},
	} {
		out := writtenFile(t, "labels.csv", "old\n")
		code, stdout, stderr := runCommand(t, nil, "", append([]string{"label", "--out", out}, tt.args...)...)
		lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
		if last := lines[len(lines)-1]; code != tt.code || stdout != "" || !regexp.MustCompile(tt.want).MatchString(last) {
			t.Errorf("%v: exit code %d, %q, want %s", tt.args, code, last, tt.want)
		}
		if text, err := os.ReadFile(out); code == exitUsage && (err != nil || string(text) != "old\n") {
			t.Errorf("%v: the labels file is %q, %v", tt.args, text, err)
		}
	}
}

// What has no pattern, and what is no text, is said so that a file can be mended.
func TestLabelSaysWhatToMend(t *testing.T) {
	records := writtenFile(t, "serveflow.log", packetLine("C1", 1)+packetLine("C2", 2))
	ndpi := writtenFile(t, "ndpi.csv", "protocol,src_ip,src_port,dst_ip,dst_port,first_seen,last_seen,ndpi_proto,server_name_sni\n6,10.0.0.1,1,192.0.2.1,80,1,1,TLS,odd.unknown.test\n")
	latin := writtenFile(t, "latin.csv", "uid,label\nC1,dns\nC2,caf\xe9\n")
	none := writtenFile(t, "none.csv", "protocol,src_ip,src_port,dst_ip,dst_port,first_seen,last_seen,ndpi_proto\n")
	late := writtenFile(t, "late.csv", "orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n10.0.0.1,1,192.0.2.1,80,tcp,3601,x\n10.0.0.1,2,192.0.2.1,80,tcp,3601.2,x\n")
	rules := writtenFile(t, "map.csv", "dns,dns\n")
	for source, want := range map[string]string{
		"ndpi:" + ndpi:    `no pattern: "TLS", server "odd.unknown.test" (1)`,
		"ndpi:" + none:    "0 of 0 rows matched\n         there is no row in it: the program that wrote it saw no flow, or the file is cut\n",
		"labels:" + late:  "2 flows between them at other times alone\n         2 of them begin 1h0m0s later than such a flow: its clock or its zone is another\n",
		"labels:" + latin: "1 its name is not text in UTF-8: save the file as UTF-8\n         the first that is not UTF-8: line 3\n",
	} {
		if _, _, stderr := runCommand(t, nil, "", "label", "--from", source, "--map", rules, "--rest", "x", records); !strings.Contains(stderr, want) {
			t.Errorf("%s: %s", source, stderr)
		}
	}
}

// A damaged record file does not keep the others from being labelled.
func TestLabelWithADamagedFile(t *testing.T) {
	damaged := writtenFile(t, "damaged.log", packetLine("C1", 1)+"x\n")
	code, stdout, stderr := runCommand(t, nil, "", "label", "--from", labelTruth, "--rest", "x", damaged, labelRecords)
	if code != exitFail || strings.Count(stdout, "\n") != 584 || !strings.Contains(stderr, "damaged.log:2: ") {
		t.Errorf("exit code %d, %d lines, %s", code, strings.Count(stdout, "\n"), stderr)
	}
}

// Devices by MAC, from the leases in dhcp.log.
func TestLabelDevicesByMAC(t *testing.T) {
	records := writtenFile(t, "serveflow.log", packetLine("C1", 1))
	devices := writtenFile(t, "devices.csv", "mac,label\n00:00:00:00:00:01,phone\n")
	dhcp := writtenFile(t, "dhcp.log", `{"ts":0.5,"mac":"00:00:00:00:00:01","assigned_addr":"10.0.0.1","lease_time":3600,"msg_types":["DISCOVER","OFFER","REQUEST","ACK"]}`+"\n")
	code, stdout, stderr := runCommand(t, nil, "", "label", "--from", "devices:"+devices, "--macs", dhcp, records)
	if code != exitOK || !strings.Contains(stdout, "C1,10.0.0.1,1,192.0.2.1,80,tcp,1.000000,phone,devices:") || !strings.Contains(stderr, "macs:"+dhcp+": 1 of 1 row matched") {
		t.Errorf("exit code %d, %s, %s", code, stdout, stderr)
	}
}
