package gbdt

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

const saveAgain = "copy the file again, or save the model again with LightGBM's save_model"

// section is a block of key=value lines up to a blank line: the header or a tree.
type section struct {
	name   string // for messages, such as "header" or "tree 7"
	line   int    // its first line, from 1
	fields map[string]field
}

type field struct {
	value string
	line  int
}

// lines reads the file's text line by line.
type lines struct {
	rest string
	line int // number of the last line that next gave
}

// next gives the next line without its newline; false at the end of the text.
func (l *lines) next() (string, bool) {
	if l.rest == "" {
		return "", false
	}
	l.line++
	var text string
	text, l.rest, _ = strings.Cut(l.rest, "\n")
	return text, true
}

// skipBlank skips empty lines.
func (l *lines) skipBlank() {
	for strings.HasPrefix(l.rest, "\n") {
		l.next()
	}
}

// section reads up to a blank line. All keys must be known: an unknown key may change
// what the others mean.
func (l *lines) section(name string, known map[string]bool) (*section, error) {
	s := &section{name: name, line: l.line + 1, fields: make(map[string]field, len(known))}
	for {
		text, ok := l.next()
		if !ok || text == "" {
			return s, nil
		}
		key, value, _ := strings.Cut(text, "=")
		if !known[key] {
			return nil, &fileError{l.line, name, fmt.Sprintf("unknown field %s", quote(key)), saveAgain + " (4.6 is known to work)"}
		}
		if _, twice := s.fields[key]; twice {
			return nil, damaged(l.line, name, "a second field %s", key)
		}
		s.fields[key] = field{value, l.line}
	}
}

// get gives a field that must exist.
func (s *section) get(key string) (field, error) {
	f, ok := s.fields[key]
	if !ok {
		return f, damaged(s.line, s.name, "field %s is missing", key)
	}
	return f, nil
}

// integer reads a whole number from lo to limit. Above the limit, which is ours, the remedy
// is a smaller model.
func (s *section) integer(key string, lo, limit int) (int, error) {
	values, err := s.integers(key, 1, lo, math.MaxInt)
	if err != nil {
		return 0, err
	}
	if values[0] > limit {
		return 0, &fileError{s.fields[key].line, s.name, fmt.Sprintf("%s is %d, the limit is %d", key, values[0], limit), "train a smaller model"}
	}
	return values[0], nil
}

// exactly checks a whole number that can have only one value.
func (s *section) exactly(key string, want int) error {
	f, err := s.get(key)
	if err == nil && f.value != strconv.Itoa(want) {
		err = damaged(f.line, s.name, "%s is %s, not %d", key, quote(f.value), want)
	}
	return err
}

// integers reads n whole numbers from lo to hi.
func (s *section) integers(key string, n, lo, hi int) ([]int, error) {
	var values []int
	err := s.each(key, n, func(text string) bool {
		v, err := strconv.Atoi(text)
		values = append(values, v)
		return err == nil && v >= lo && v <= hi
	}, wholeNumber(lo, hi))
	return values, err
}

func wholeNumber(lo, hi int) string {
	if hi == math.MaxInt {
		return fmt.Sprintf("a whole number from %d", lo)
	}
	return fmt.Sprintf("a whole number from %d to %d", lo, hi)
}

// floats reads n finite numbers whose absolute values are at most limit.
func (s *section) floats(key string, n int, limit float64) ([]float64, error) {
	wanted := "a finite number"
	if limit < math.MaxFloat64 {
		wanted += fmt.Sprintf(" of at most %g", limit)
	}
	var values []float64
	err := s.each(key, n, func(text string) bool {
		v, err := strconv.ParseFloat(text, 64)
		values = append(values, v)
		return err == nil && math.Abs(v) <= limit
	}, wanted)
	return values, err
}

// each counts the values of a field before any memory is allocated for them, and then
// calls take with each of the n. take reports whether the value is right.
func (s *section) each(key string, n int, take func(string) bool, wanted string) error {
	f, err := s.get(key)
	if err != nil {
		return err
	}
	if got := strings.Count(f.value, " ") + 1; got != n {
		return damaged(f.line, s.name, "%s has %d values, not %d", key, got, n)
	}
	i := 0
	for text := range strings.SplitSeq(f.value, " ") {
		i++
		if !take(text) {
			return damaged(f.line, s.name, "%s: value %d of %d is %s, not %s", key, i, n, quote(text), wanted)
		}
	}
	return nil
}
