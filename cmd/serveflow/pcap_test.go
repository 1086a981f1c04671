package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var summaryLine = regexp.MustCompile(`^serveflow pcap: \d+ packets?, \d+ flows?(; left out: .*)?\n$`)

// withoutSummary is what pcap writes to standard error before its last line, which counts.
func withoutSummary(t *testing.T, stderr string) string {
	t.Helper()
	before := strings.LastIndexByte(strings.TrimSuffix(stderr, "\n"), '\n') + 1
	if !summaryLine.MatchString(stderr[before:]) {
		t.Errorf("the last line is no summary: %q", stderr[before:])
	}
	return stderr[:before]
}

// capturedFrames writes a capture of Ethernet frames, a second apart from the epoch on.
func capturedFrames(t *testing.T, name string, frames ...[]byte) string {
	t.Helper()
	b := words(nil, 0xa1b2c3d4, 4<<16|2, 0, 0, 65535, 1)
	for i, frame := range frames {
		b = append(words(b, i, 0, len(frame), len(frame)), frame...)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// words appends numbers of 32 bits, little end first.
func words(b []byte, numbers ...int) []byte {
	for _, n := range numbers {
		b = append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	return b
}

const macs = "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"

func arpFrame() []byte { return []byte(macs + "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01") }

func udpFrame() []byte {
	return []byte(macs + "\x08\x00" +
		"\x45\x00\x00\x1c\x00\x01\x00\x00\x40\x11\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02" + "\x13\x88\x13\x89\x00\x08\x00\x00")
}

// What is wrong with a capture is on its own line; the others are read, and the last line
// counts all of them.
func TestPcapOfSeveralCaptures(t *testing.T) {
	good, arp := capturedFrames(t, "good.pcap", udpFrame(), arpFrame()), capturedFrames(t, "arp.pcap", arpFrame(), arpFrame())
	empty := capturedFrames(t, "empty.pcap")
	cut := capturedFrames(t, "cut.pcap", udpFrame(), udpFrame())
	if err := os.Truncate(cut, 24+16+42+16+9); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no capture"), 0o644); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "none")
	for _, tt := range []struct {
		name  string
		files []string
		code  int
		lines int
		says  []string // one for each line on standard error
	}{
		{"good", []string{good}, exitOK, 2, []string{`2 packets, 1 flow; left out: 1 not IP$`}},
		{"nothing comes out", []string{arp}, exitOK, 0, []string{
			`arp.pcap: no flow came out of 2 packets: 2 not IP$`, `2 packets, 0 flows; left out: 2 not IP$`}},
		{"no packets", []string{empty}, exitFail, 0, []string{`empty.pcap: .*no packets`, `0 packets, 0 flows$`}},
		{"cut", []string{cut}, exitFail, 2, []string{`cut.pcap: .*cut at byte`, `1 packet, 1 flow$`}},
		{"damaged ones among good ones", []string{cut, good, text, arp, empty, good}, exitFail, 6, []string{
			`cut.pcap: .*cut at byte`, `text: .*not a capture`, `arp.pcap: no flow`, `empty.pcap: .*no packets`,
			`7 packets, 3 flows; left out: 4 not IP$`}},
		{"a missing one", []string{none}, exitUsage, 0, []string{`none: no such file`, `0 packets, 0 flows$`}},
		{"a missing one and a good one", []string{none, good}, exitFail, 2, []string{`none: no such file`, `2 packets, 1 flow;`}},
	} {
		code, stdout, stderr := runCommand(t, nil, "", append([]string{"pcap"}, tt.files...)...)
		lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
		if code != tt.code || strings.Count(stdout, "\n") != tt.lines || len(lines) != len(tt.says) {
			t.Errorf("%s: exit code %d, %d records, %q", tt.name, code, strings.Count(stdout, "\n"), stderr)
			continue
		}
		for i, want := range tt.says {
			if !regexp.MustCompile(want).MatchString(lines[i]) {
				t.Errorf("%s: line %d is %q, want %s", tt.name, i+1, lines[i], want)
			}
		}
	}
}

// No uid comes twice, even if a capture does.
func TestPcapOfOneCaptureTwice(t *testing.T) {
	file := capturedFrames(t, "a.pcap", udpFrame())
	code, stdout, _ := runCommand(t, nil, "", "pcap", "--conn", file, file)
	uids := regexp.MustCompile(`"uid":"[^"]*"`).FindAllString(stdout, -1)
	if code != exitOK || len(uids) != 2 || uids[0] == uids[1] {
		t.Errorf("exit code %d, %v", code, uids)
	}
}

func TestPcapSummaryAsJSON(t *testing.T) {
	good, arp := capturedFrames(t, "good.pcap", udpFrame(), arpFrame()), capturedFrames(t, "arp.pcap", arpFrame())
	code, _, stderr := runCommand(t, nil, "", "pcap", "--json", good, arp)
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	var got pcapSummary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatal(err)
	}
	want := pcapSummary{Captures: 2, Packets: 3, Flows: 1, Records: 1}
	if want.LeftOut.NotIP = 2; code != exitOK || got != want {
		t.Errorf("exit code %d, %+v", code, got)
	}
	for _, key := range []string{`"not_ip":2`, `"bad_time":0`, `"unknown_encapsulation":0`, `"cut":0`, `"fragment":0`} {
		if !strings.Contains(stderr, key) {
			t.Errorf("no %s in %s", key, stderr)
		}
	}
}

// A flow of which every packet was cut has a record of conn.log, as in Zeek, and no end
// record.
func TestPcapOfCutPackets(t *testing.T) {
	frame := udpFrame()
	frame[17], frame[23] = 40, 6 // TCP, of 20 bytes: its header says that it has options
	frame = append(frame, 0, 0, 0, 0, 0x80, 0x02, 0, 0, 0, 0, 0, 0)
	file := capturedFrames(t, "cut.pcap", frame)
	if code, stdout, stderr := runCommand(t, nil, "", "pcap", file); code != exitOK || stdout != "" || !strings.Contains(stderr, "1 cut inside a header") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	if code, stdout, _ := runCommand(t, nil, "", "pcap", "--conn", file); code != exitOK || !strings.Contains(stdout, `"orig_pkts":0`) {
		t.Errorf("exit code %d, %s", code, stdout)
	}
}
