// Package logfile reads the files of Zeek's logs as JSON records, in whatever form they
// were written.
package logfile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"path"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Parser turns the lines of one log into JSON records. It tells JSON from TSV by the lines
// themselves, so that a log may change from one to the other, and a header may come again.
// Pass each line to Header first, and to Record if Header returns false. Only one goroutine
// may use it.
type Parser struct {
	tsv     zeek.TSV
	decoder zeek.Decoder
	file    string // the log that the file's name names; empty if it names none
	byFile  []byte // the _path that a record gets because of that; nil for none
	byPath  []byte // because of the header's #path, or else of the file's name

	afterRow bool // there was a row since the last line of a header

	record, named []byte
}

// errNoForm refuses a line that is no JSON, where no TSV header has come.
var errNoForm = &zeek.Error{Reason: zeek.BadSyntax, Detail: "neither JSON nor TSV: no #fields and #types stand before it"}

// errCR refuses a header line that would hide all lines behind it.
var errCR = &zeek.Error{Reason: zeek.BadSyntax, Detail: "its lines end with CR alone: end each with LF"}

// NewParser builds a parser for the lines of a file. The file's name may tell the log.
func NewParser(file string) *Parser {
	log := zeek.LogOf(file)
	return &Parser{decoder: zeek.Decoder{Conns: true}, file: log, byFile: pathMember(log)}
}

// pathMember returns the member of a JSON object that names a log, behind an opening brace;
// nil for conn.log itself, for serveflow.log, whose records are told by ev, and for none.
func pathMember(log string) []byte {
	if name := path.Base(log); log == "" || name == "conn" || name == "serveflow" {
		return nil
	}
	quoted, _ := json.Marshal(log) // a string always marshals
	return append(append([]byte(`{"_path":`), quoted...), ',')
}

// Header reads a line without a record: one that is blank or belongs to a header. It returns
// false for any other line. The error is a *zeek.Error for a header line that is invalid.
func (p *Parser) Header(line []byte) (bool, error) {
	if line = trim(line); len(line) == 0 {
		return true, nil
	}
	if line[0] == '#' && bytes.IndexByte(line, '\r') >= 0 {
		return true, errCR
	}
	if line[0] == '#' && (p.tsv.Begins(line) || p.tsv.Continues(line)) {
		p.afterRow = false
	}
	is, err := p.tsv.Header(line)
	if is {
		p.byPath = pathMember(p.Log())
	}
	return is, err
}

// Log returns the name of the log by the header in force, or else by the file's name; empty
// if neither names one.
func (p *Parser) Log() string { return cmp.Or(p.tsv.Path(), p.file) }

// BeginsHeader reports whether a line begins a TSV header, or one that changes a part of the
// header in force. Ask before Header reads it.
func (p *Parser) BeginsHeader(line []byte) bool {
	line = trim(line)
	return p.tsv.Begins(line) || p.afterRow && p.tsv.Continues(line)
}

// TSV reports whether a TSV header is in force.
func (p *Parser) TSV() bool { return p.tsv.Ready() }

// Record returns the record of a line: one JSON object, or the line itself where that is
// JSON. It is valid until the next call, and as long as line. The decoder has not read it
// yet. The error is a *zeek.Error: the line is neither JSON nor a row under its header.
//
// A record that would be taken for one of conn.log, but comes from a file or under a header
// that names another log, gets that name as its _path.
func (p *Parser) Record(line []byte) ([]byte, error) {
	p.afterRow = true
	line = trim(line)
	if p.isJSON(line) {
		return p.name(line, p.byFile), nil
	}
	if !p.tsv.Ready() {
		return nil, errNoForm
	}
	var err error
	if p.record, err = p.tsv.Append(p.record[:0], line); err != nil {
		return nil, err
	}
	return p.name(p.record, p.byPath), nil
}

// isJSON reports whether a line is meant as JSON: an object, or a string with one in it. A
// row of a TSV log may begin like an object, too.
func (p *Parser) isJSON(line []byte) bool {
	i := 0
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	if i == len(line) || line[i] != '{' && line[i] != '"' {
		return false
	}
	return !p.tsv.Ready() || line[i] == '{' && !p.tsv.Fits(line)
}

// name puts a log's name into a record that needs it.
func (p *Parser) name(record, member []byte) []byte {
	if member == nil || !bytes.Contains(record, []byte(`"conn_state"`)) || !p.decoder.ConnByFieldsAlone(record) {
		return record
	}
	_, members, ok := bytes.Cut(record, []byte{'{'})
	if !ok || bytes.TrimLeft(record, " \t")[0] != '{' {
		return record // a string with an object in it
	}
	p.named = append(append(p.named[:0], member...), members...)
	return p.named
}

// trim removes what is no part of a line's text: a byte-order mark, NUL bytes that a crash
// of the file system left before it, and the carriage return of a line that ends with CR LF.
func trim(line []byte) []byte {
	if len(line) > 0 && (line[0] == 0 || line[0] == 0xef) {
		line = bytes.TrimLeft(line, "\x00")
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}
