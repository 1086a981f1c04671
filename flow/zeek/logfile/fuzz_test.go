package logfile

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// FuzzReader checks that every line of any file is a header, a record or refused with a
// reason, and that a file reads the same with CR LF and a byte-order mark.
func FuzzReader(f *testing.F) {
	f.Add("conn.log", header+row1+"#close\n"+two+"\n"+header+row2)
	f.Add("conn_long.log", conn+"\n\"x\"\n\x00{}")
	f.Add("-", "#fields\ta\n#types\tset[int]\n1,2")
	f.Fuzz(func(t *testing.T, name, text string) {
		r, tsv := NewReader(strings.NewReader(text), name, most), false
		for last := 0; ; {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			var bad *zeek.Error
			if err != nil || rec.Line <= last || rec.Err != nil && !errors.As(rec.Err, &bad) {
				t.Fatalf("line %d after %d: %v, %v", rec.Line, last, err, rec.Err)
			}
			last, tsv = rec.Line, tsv || r.parser.TSV()
			if json.Valid(rec.JSON) || rec.Err != nil || !tsv {
				continue // what looks like JSON is for the decoder to refuse
			}
			if line := trimMarks(strings.Split(text, "\n")[rec.Line-1]); line[0] != '{' && line[0] != '"' {
				t.Fatalf("%q became %q", line, rec.JSON)
			}
		}
		if strings.ContainsAny(text, "\r\x00") || strings.IndexByte(text, 0xef) >= 0 || len(text) > most/2 {
			return
		}
		unix, _ := read(t, name, text)
		windows, _ := read(t, name, bom+strings.ReplaceAll(text, "\n", "\r\n"))
		if strings.Join(unix, "|") != strings.Join(windows, "|") {
			t.Fatalf("%q\n%q", unix, windows)
		}
	})
}

// trimMarks cuts off NULs, the bytes of a byte-order mark and blanks in front of a line.
func trimMarks(line string) string {
	for line != "" && strings.IndexByte("\x00\xef\xbb\xbf \t", line[0]) >= 0 {
		line = line[1:]
	}
	return line
}
