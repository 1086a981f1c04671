package annotate

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// csvTable reads a CSV file with a header. A byte-order mark, and a # before the first column, are
// passed over.
type csvTable struct {
	read    func() ([]string, int, error)
	columns map[string]int
}

// openCSV reads the header. What separates the columns is told from it: a comma, a semicolon, a
// tab or a bar.
func openCSV(in *bufio.Reader) (*csvTable, error) {
	header, err := in.ReadString('\n')
	if err != nil && (header == "" || !errors.Is(err, io.EOF)) {
		if errors.Is(err, io.EOF) {
			err = errForm("it is empty: a header is wanted, and rows")
		}
		return nil, err
	}
	header = strings.TrimPrefix(strings.TrimRight(header, "\r\n"), "\ufeff")
	separator := ','
	for _, other := range ";\t|" {
		if strings.Count(header, string(other)) > strings.Count(header, string(separator)) {
			separator = other
		}
	}
	t := &csvTable{columns: map[string]int{}}
	for i, name := range strings.Split(strings.TrimPrefix(header, "#"), string(separator)) {
		name = strings.ToLower(strings.Trim(strings.TrimSpace(name), `"`))
		if _, twice := t.columns[name]; !twice {
			t.columns[name] = i
		}
	}
	if strings.HasPrefix(header, "#flow_id") {
		t.read = unquoted(in, string(separator)) // ndpiReader
		return t, nil
	}
	r := csv.NewReader(in)
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = separator, -1, true
	t.read = func() ([]string, int, error) {
		fields, err := r.Read()
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, 0, &unread{bad.StartLine + 1, bad.Err}
		}
		if err != nil {
			return nil, 0, err
		}
		line, _ := r.FieldPos(0)
		return fields, line + 1, nil
	}
	return t, nil
}

// unquoted reads rows in which a quotation mark is a character like any other.
func unquoted(in *bufio.Reader, separator string) func() ([]string, int, error) {
	lines, number := bufio.NewScanner(in), 1
	lines.Buffer(nil, maxLine)
	return func() ([]string, int, error) {
		if !lines.Scan() {
			return nil, 0, scanned(lines, number)
		}
		number++
		return strings.Split(lines.Text(), separator), number, nil
	}
}

// scanned is why a scanner has come to its end.
func scanned(lines *bufio.Scanner, number int) error {
	if err := lines.Err(); err != nil {
		return fmt.Errorf("after line %d: %w", number, err)
	}
	return io.EOF
}

// has reports whether the table has all of these columns.
func (t *csvTable) has(names ...string) bool {
	for _, name := range names {
		if _, ok := t.columns[name]; !ok {
			return false
		}
	}
	return true
}

// next returns the next row and its line. Its fields are valid until the next call.
func (t *csvTable) next() (csvRow, error) {
	fields, line, err := t.read()
	return csvRow{t.columns, fields, line}, err
}

// csvRow is one row of a table.
type csvRow struct {
	columns map[string]int
	fields  []string
	line    int
}

// get is the value in a column; empty where the row or the table has none.
func (r csvRow) get(name string) string {
	if i, ok := r.columns[name]; ok && i < len(r.fields) {
		return strings.TrimSpace(r.fields[i])
	}
	return ""
}
