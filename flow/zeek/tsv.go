package zeek

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// TSV turns the lines of one of Zeek's tab-separated logs into what Zeek's JSON writer
// writes for the same records. The header lines of the file say how. Pass each line to
// Header first, and to Append if Header returns false. The zero TSV has no header yet.
// Only one goroutine may use it.
//
// Numbers and times are copied digit by digit, so a time keeps its six decimals.
type TSV struct {
	separator, setSeparator []byte
	empty, unset            []byte
	path                    []byte
	names, types            [][]byte
	columns                 []column

	scratch []byte // a value without its escapes
}

// column is one field: its key as the JSON object has it, and its type.
type column struct {
	key  []byte // with quotes and colon
	kind columnKind
	many bool // a set or a vector of kind
}

type columnKind uint8

const (
	columnText columnKind = iota
	columnNumber
	columnBool
)

// maxColumns is how many columns a header may name.
const maxColumns = 1024

// Header reads a line that begins with #. It returns false for any other line. The error
// is an *Error for a header line that is invalid; Append then refuses records until a
// valid header follows.
func (t *TSV) Header(line []byte) (bool, error) {
	if len(line) == 0 || line[0] != '#' {
		return false, nil
	}
	if rest, ok := bytes.CutPrefix(line, []byte("#separator")); ok {
		rest = bytes.TrimLeft(rest, " ")
		if value, ok := bytes.CutPrefix(rest, []byte{'\t'}); ok && len(value) > 0 {
			rest = value // an editor made a tab of the space
		}
		sep := appendTSVUnescaped(nil, rest)
		if len(sep) == 0 {
			return true, &Error{Reason: BadSyntax, Field: "#separator", Detail: "names none"}
		}
		t.begin(sep)
		return true, nil
	}
	if t.Begins(line) {
		t.begin([]byte{'\t'})
	}
	if len(t.separator) == 0 {
		return true, nil // a comment, before any header
	}
	name, value, _ := bytes.Cut(line, t.separator)
	switch string(name) {
	case "#set_separator":
		t.setSeparator, t.columns = appendTSVUnescaped(nil, value), nil
	case "#empty_field":
		t.empty = bytes.Clone(value)
	case "#unset_field":
		t.unset = bytes.Clone(value)
	case "#path":
		if t.path = nil; !bytes.Equal(value, t.unset) {
			t.path = appendTSVUnescaped(nil, value)
		}
	case "#fields":
		t.names, t.columns = bytes.Split(bytes.Clone(value), t.separator), nil
	case "#types":
		t.types, t.columns = bytes.Split(bytes.Clone(value), t.separator), nil
		return true, t.build()
	}
	return true, nil // #open and #close are not needed for records
}

// Begins reports whether a line begins a header: it is #separator or, where a program has
// cut that off and no header is in force, another line of a header with tabs.
func (t *TSV) Begins(line []byte) bool {
	if len(line) == 0 || line[0] != '#' {
		return false
	}
	if bytes.HasPrefix(line, []byte("#separator")) {
		return true
	}
	return len(t.separator) == 0 && isHeaderLine(line, []byte{'\t'})
}

// Continues reports whether a line is one of a header but not its first. Behind rows it begins
// a header that changes a part of the one in force.
func (t *TSV) Continues(line []byte) bool {
	return len(t.separator) > 0 && len(line) > 0 && line[0] == '#' && isHeaderLine(line, t.separator)
}

// isHeaderLine reports whether a line is one of a header, but not #separator.
func isHeaderLine(line, separator []byte) bool {
	name, _, _ := bytes.Cut(line, separator)
	switch string(name) {
	case "#set_separator", "#empty_field", "#unset_field", "#path", "#fields", "#types":
		return true
	}
	return false
}

// begin begins a new header, which replaces all of the old one.
func (t *TSV) begin(separator []byte) {
	*t = TSV{separator: separator, setSeparator: []byte(","), empty: []byte("(empty)"), unset: []byte("-"), scratch: t.scratch}
}

// Path returns the header's #path, the name of the log; empty if it has none.
func (t *TSV) Path() string { return string(t.path) }

// Fits reports whether a line has as many columns as the header in force.
func (t *TSV) Fits(line []byte) bool {
	return t.Ready() && bytes.Count(line, t.separator)+1 == len(t.columns)
}

// Ready reports whether the header is complete, so that Append can read records.
func (t *TSV) Ready() bool { return len(t.columns) > 0 }

// build makes the columns from the names and types.
func (t *TSV) build() error {
	switch {
	case len(t.names) != len(t.types):
		return &Error{Reason: BadSyntax, Field: "#types", Detail: fmt.Sprintf("%d types for the %d names of #fields", len(t.types), len(t.names))}
	case len(t.names) > maxColumns:
		return &Error{Reason: TooLong, Field: "#fields", Detail: fmt.Sprintf("more than %d columns", maxColumns)}
	case len(t.setSeparator) == 0:
		return &Error{Reason: BadSyntax, Field: "#set_separator", Detail: "names none"}
	}
	t.columns = make([]column, len(t.names))
	for i, name := range t.names {
		t.columns[i] = columnOf(name, string(t.types[i]))
	}
	return nil
}

// columnOf makes the column of a name and Zeek's name of its type.
func columnOf(name []byte, kind string) column {
	key, _ := json.Marshal(string(name)) // a string always marshals
	c := column{key: append(key, ':')}
	if of, ok := strings.CutSuffix(kind, "]"); ok {
		for _, container := range []string{"set[", "vector[", "table["} {
			if inner, found := strings.CutPrefix(of, container); found {
				c.many, kind = true, inner
			}
		}
	}
	switch kind {
	case "time", "interval", "count", "int", "double", "port":
		c.kind = columnNumber
	case "bool":
		c.kind = columnBool
	}
	return c // all other types, such as addr, enum and string, are text
}

// Append appends the JSON object for the line of a record, without a line end. It leaves
// out unset fields. The error is an *Error; the appended bytes then have no meaning.
func (t *TSV) Append(dst, line []byte) ([]byte, error) {
	if !t.Ready() {
		return dst, &Error{Reason: BadSyntax, Detail: "neither JSON nor TSV: no #fields and #types stand before it"}
	}
	if !t.Fits(line) {
		n := bytes.Count(line, t.separator) + 1
		return dst, &Error{Reason: BadSyntax, Detail: fmt.Sprintf("%d columns where #fields names %d", n, len(t.columns))}
	}
	dst = append(dst, '{')
	start := len(dst)
	for i := range t.columns {
		var text []byte
		text, line, _ = bytes.Cut(line, t.separator)
		if bytes.Equal(text, t.unset) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = t.value(append(dst, t.columns[i].key...), &t.columns[i], text); !ok {
			return dst, &Error{Reason: FieldType, Field: string(t.names[i]), Detail: "not of the type " + string(t.types[i])}
		}
	}
	return append(dst, '}'), nil
}
