package logfile

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// tally counts the lines of a file as a command does.
func tally(t *testing.T, text string) *Tally {
	t.Helper()
	r, all := NewReader(strings.NewReader(text), "x.log", most), &Tally{}
	var d zeek.Decoder
	var rec zeek.Record
	for {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err == nil {
			err = line.Err
		}
		if err == nil {
			err = d.Decode(line.JSON, &rec)
		}
		if err != nil {
			all.Refuse(line.JSON, err)
		} else {
			all.Take()
		}
	}
}

// A file of which no line is a record is told with what to do.
func TestTrouble(t *testing.T) {
	noHeader, err := os.ReadFile("testdata/no-header.log")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		string(noHeader): "no line of it is a record (2 refused): its rows have no header: the lines #separator, #fields and #types must come before them",
		strings.ReplaceAll(string(noHeader), "\n", "\r\n"): "(2 refused): its rows have no header",
		bom + string(noHeader):                             "(2 refused): its rows have no header",
		"[{\"a\":1},\n{\"b\":2}]\n":                        "JSON array",
		" [1]":                                             "JSON array",
		"{\n \"ts\": 1\n}\n":                               "several lines",
		"\xff\xfe{\x00\"\x00":                              "UTF-16",
		"\xd4\xc3\xb2\xa1\x02\x00":                         "serveflow pcap",
		"\n\r\r\n\x1c\x00":                                 "serveflow pcap",
		"\xfd7zXZ\x00":                                     "compressed by xz",
		"\x1f\x8b\x08\x00\x00":                             "compressed by gzip: unpack it before",
		"{\x00\"\x00}\x00\n\x00":                           "UTF-16",
		"\x00{\x00\"\x00}\x00\n":                           "UTF-16",
		"#\x00a\x00b\x00\n\x001\x00\t\x002\x00\n\x00":      "UTF-16",
		strings.ReplaceAll(header+row1, "\n", "\r"):        "end with CR alone: end each with LF",
		"ts,uid\n1,C1\n":                                   "neither JSON nor",
		`{"ev":"pkt"}`:                                     "(1 refused): zeek record: field_missing: ts",
		header + "x\n":                                     "1 columns where #fields names 2",
		"#separator \n":                                    "#separator: names none",
		"":                                                 "",
		header:                                             "",
		one:                                                "",
		"x\n" + one + "\n":                                 "",
	} {
		got := tally(t, text).Trouble()
		if !strings.Contains(got, want) || (want == "") != (got == "") || strings.Contains(got, "\n") {
			t.Errorf("%.40q: got %q, want %q", text, got, want)
		}
	}
	if n := tally(t, "x\n"+one+"\ny\n").Refused(); n != 2 {
		t.Errorf("%d refused", n)
	}
}
