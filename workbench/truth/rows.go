package truth

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// rows are those of a file.
type rows struct {
	name   string
	in     *csv.Reader
	column map[string]int
	width  int // fields in a row
	line   int
}

func newRows(data []byte, name string) (*rows, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		at := 0
		for r, n := utf8.DecodeRune(data); r != utf8.RuneError || n > 1; r, n = utf8.DecodeRune(data[at:]) {
			at += n
		}
		return nil, fmt.Errorf("%s: not text in UTF-8, from byte %d on; save it as UTF-8", name, at)
	}
	data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	r := &rows{name: name, in: csv.NewReader(bytes.NewReader(data)), column: map[string]int{}}
	r.in.FieldsPerRecord, r.in.ReuseRecord = -1, true
	header, err := r.in.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s is empty; %s", name, needed)
	case err != nil:
		return nil, r.broken(err)
	}
	if len(header) == 1 {
		for sign, separator := range map[string]string{";": "semicolons", "\t": "tabs"} {
			if strings.Contains(header[0], sign) {
				return nil, fmt.Errorf("%s: its columns are separated by %s; separate them by commas", name, separator)
			}
		}
	}
	return r, r.take(header)
}

// take notes the columns. Two of one name would leave it open which of them counts.
func (r *rows) take(header []string) error {
	for i, column := range header {
		column = strings.TrimSpace(column)
		if first, twice := r.column[column]; twice && column != "" {
			return fmt.Errorf("%s: columns %d and %d are both called %q; rename one of them, or take it out", r.name, first+1, i+1, column)
		}
		r.column[column] = i
	}
	r.width = len(header)
	return nil
}

// haveSplit refuses to choose by a column that is not there: all rows would be taken for those of the split.
func (r *rows) haveSplit(choose Options) error {
	has := func(column string) bool { _, ok := r.column[column]; return ok }
	if column := choose.splitColumn(has); choose.Split != "" && !has(column) {
		return fmt.Errorf("%s: no column %q, by which split %q would be found; add it (serveflow label --splits writes one), or do not ask for a split", r.name, column, choose.Split)
	}
	return nil
}

// next gives the next row; io.EOF at the end.
func (r *rows) next() (row, error) {
	fields, err := r.in.Read()
	switch {
	case errors.Is(err, io.EOF):
		return row{}, io.EOF
	case err != nil:
		return row{}, r.broken(err)
	}
	r.line, _ = r.in.FieldPos(0)
	if n := len(fields); n != r.width {
		return row{}, fmt.Errorf("%s: line %d has %d fields, and the header %d; write a field with a comma in quotation marks, and an empty one as nothing between commas", r.name, r.line, n, r.width)
	}
	return row{fields: fields, column: r.column, file: r.name}, nil
}

// broken is the error of a file that is no CSV.
func (r *rows) broken(err error) error {
	var at *csv.ParseError
	if errors.As(err, &at) {
		return fmt.Errorf("%s: line %d: %w; is a quotation mark left open there?", r.name, cmp.Or(at.StartLine, at.Line), at.Err)
	}
	return fmt.Errorf("%s: %w; give a file that can be read", r.name, err)
}

// fault is the error of a row, with its line where it is not of all rows.
func (r *rows) fault(err error) error {
	var missing missingColumn
	if errors.As(err, &missing) {
		return fmt.Errorf("%s: no column %q; %s", r.name, string(missing), needed)
	}
	return fmt.Errorf("%s: line %d: %w; correct the line, or leave it out", r.name, r.line, err)
}
