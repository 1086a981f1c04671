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

// needed is said of a file that lacks a column.
const needed = "it needs split,capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,label, or orig_h,orig_p,resp_h,resp_p,proto,ts_first,label, or uid,label"

// Options choose among the rows of a labels file.
type Options struct {
	Split    string // the rows of this split, where the file has splits; empty: all
	Question string // the column of labels, with QUESTION_split, or else split, beside it; rows without an answer are passed over. Empty: label
}

// Read reads a labels file, CSV with a header line: each flow once, one at least. Further columns do
// no harm. The error is one line that names the file and how to mend it.
func Read(in io.Reader, name string, choose Options) ([]Known, error) {
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; give a file that can be read", name, err)
	}
	rows, err := newRows(data, name)
	if err != nil {
		return nil, err
	}
	var all []Known
	seen := map[Known]int{} // by what finds the flow
	for {
		r, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		k, chosen, err := r.known(choose)
		switch {
		case err != nil:
			return nil, rows.fault(err)
		case !chosen:
			continue
		}
		i, again := seen[k.found()]
		switch {
		case !again:
			seen[k.found()] = len(all)
			all = append(all, k)
		case all[i].Label != k.Label:
			return nil, fmt.Errorf("%s: %s is labelled %q, and again %q; keep the row that is right", name, k.said(), all[i].Label, k.Label)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no row%s: give the labels of some flows", name, choose.asked())
	}
	return all, nil
}

// found is what finds the flow.
func (k Known) found() Known {
	if k.UID != "" {
		return Known{UID: k.UID}
	}
	return Known{Ends: k.Ends, First: k.First}
}

// said names the flow.
func (k Known) said() string {
	if k.UID != "" {
		return "the flow " + k.UID
	}
	return fmt.Sprintf("the %s flow between %s port %d and %s port %d whose first packet is at %d.%06d", k.Ends.Proto, k.Ends.A.Addr(), k.Ends.A.Port(),
		k.Ends.B.Addr(), k.Ends.B.Port(), k.First/1e6, k.First%1e6)
}

// asked says which rows were chosen.
func (o Options) asked() (words string) {
	if o.Split != "" {
		words = fmt.Sprintf(" of split %q", o.Split)
	}
	if o.Question != "" {
		words += fmt.Sprintf(" with an answer to %q", o.Question)
	}
	return words
}

// rows are those of a file.
type rows struct {
	name   string
	in     *csv.Reader
	column map[string]int
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
	for i, column := range header {
		r.column[strings.TrimSpace(column)] = i
	}
	return r, nil
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
