package logfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Record is what one line of a log holds.
type Record struct {
	Line int    // its number, from 1
	JSON []byte // one JSON object, which is not decoded yet; the line itself where Err is set
	Err  error  // a *zeek.Error: the line is no record
}

// Reader reads the records of one log. Only one goroutine may use it.
type Reader struct {
	parser *Parser
	lines  *bufio.Reader
	most   int
	number int
	err    error // why there are no further lines
}

// NewReader builds a reader of uncompressed data. The file's name may tell the log. most is
// how many bytes a line may have; a longer one is refused.
func NewReader(in io.Reader, file string, most int) *Reader {
	const lineEnd = len("\r\n")
	return &Reader{parser: NewParser(file), lines: bufio.NewReaderSize(in, most+lineEnd), most: most}
}

// Next returns the next record, or the next line that is none; lines of a header and blank
// lines are neither. Its bytes are valid until the next call. The error is io.EOF at the
// end, or that of the input, which cannot be read further.
func (r *Reader) Next() (Record, error) {
	for {
		line, long, err := r.line()
		if err != nil {
			return Record{}, err
		}
		if rec, ok := r.parse(line, long); ok {
			return rec, nil
		}
	}
}

// Log returns the name of the log, by its header or else by the file's name; empty if neither
// names one.
func (r *Reader) Log() string { return r.parser.Log() }

// Lines is how many lines were read.
func (r *Reader) Lines() int { return r.number }

// line returns the next line without its newline; of a long one only the beginning. A last
// line without a newline counts, but not one that a fault of the input has cut.
func (r *Reader) line() (line []byte, long bool, err error) {
	if r.err != nil {
		return nil, false, r.err
	}
	line, r.err = r.lines.ReadSlice('\n')
	if long = errors.Is(r.err, bufio.ErrBufferFull); long {
		line = append([]byte(nil), line[:r.most]...)
	}
	for errors.Is(r.err, bufio.ErrBufferFull) {
		_, r.err = r.lines.ReadSlice('\n')
	}
	if r.err != nil && (len(line) == 0 || !errors.Is(r.err, io.EOF)) {
		return nil, false, r.err
	}
	r.number++
	return bytes.TrimSuffix(line, []byte{'\n'}), long, nil
}

// parse returns what a line holds; false for a line of a header.
func (r *Reader) parse(line []byte, long bool) (Record, bool) {
	rec := Record{Line: r.number, JSON: line}
	if long || len(trim(line)) > r.most {
		rec.Err = &zeek.Error{Reason: zeek.TooLong, Detail: fmt.Sprintf("a line of more than %d bytes", r.most)}
		return rec, true
	}
	is, err := r.parser.Header(line)
	if is {
		rec.Err = err
		return rec, err != nil
	}
	record, err := r.parser.Record(line)
	if err != nil {
		rec.Err = err
		return rec, true
	}
	rec.JSON = record
	return rec, true
}
