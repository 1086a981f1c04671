package logfile

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/serveflow/serveflow/internal/decompress"
)

// Tally counts the lines of one file, to tell a file of which no line is a record. The zero
// Tally has counted none.
type Tally struct {
	records, refused int
	why              string // of the first line that was refused
}

// Take counts a record.
func (t *Tally) Take() { t.records++ }

// Refuse counts a line that is no record, because of err.
func (t *Tally) Refuse(line []byte, err error) {
	if t.refused++; t.refused == 1 {
		if t.why = err.Error(); errors.Is(err, errNoForm) || isUTF16(line) {
			t.why = remedy(line)
		} else if string(bytes.TrimSpace(line)) == "{" {
			t.why = "its JSON objects take several lines each: write each on a line of its own, as jq -c . does"
		}
	}
}

// Records is how many records were counted.
func (t *Tally) Records() int { return t.records }

// Refused is how many lines were no records.
func (t *Tally) Refused() int { return t.refused }

// Trouble says what is wrong with a file of which every line so far was refused, and what to
// do. It is empty for any other file.
func (t *Tally) Trouble() string {
	if t.records > 0 || t.refused == 0 {
		return ""
	}
	return fmt.Sprintf("no line of it is a record (%d refused): %s", t.refused, t.why)
}

// remedy says what a file is that begins with this line, which is neither JSON nor TSV, and
// what to do.
func remedy(line []byte) string {
	if why := NoLog(line); why != "" {
		return why // of a stream, which Open has not seen
	}
	if format := decompress.Format(line); format != "" {
		return "it is compressed by " + format + ": unpack it before it is written here" // a FIFO: all else is unpacked
	}
	if bytes.HasPrefix(line, []byte("\r\r")) {
		return NoLog([]byte("\n\r\r\n")) // the second line of pcapng
	}
	line = bytes.TrimSpace(trim(line))
	switch {
	case bytes.HasPrefix(line, []byte("[")):
		return "it is one JSON array: write each object on a line of its own, as jq -c '.[]' does"
	case bytes.ContainsRune(line, '\t'):
		return "its rows have no header: the lines #separator, #fields and #types must come before them; keep these where a log is cut or filtered, or have Zeek write JSON (LogAscii::use_json=T)"
	}
	return "it is neither JSON nor one of Zeek's tab-separated logs: name a log that Zeek wrote"
}
