package gbdt

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

const saveAgain = "copy the file again, or save the model again with LightGBM's save_model"

// section is a block of key=value lines, up to a blank one: the header or a tree.
type section struct {
	name   string // "header", "tree 7": for messages
	line   int    // its first line, from 1
	fields map[string]field
}

type field struct {
	value string
	line  int
}

// lines walks over the file's text.
type lines struct {
	rest string
	line int // number of the line that next gave last
}

// next gives the next line without its end; false when none is left.
func (l *lines) next() (string, bool) {
	if l.rest == "" {
		return "", false
	}
	l.line++
	var text string
	text, l.rest, _ = strings.Cut(l.rest, "\n")
	return text, true
}

// skipBlank passes over empty lines.
func (l *lines) skipBlank() {
	for strings.HasPrefix(l.rest, "\n") {
		l.next()
	}
}

// section reads up to a blank line. Keys must be among the known ones: a key that
// is new to us may change what the others mean.
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

// get gives a field that must be there.
func (s *section) get(key string) (field, error) {
	f, ok := s.fields[key]
	if !ok {
		return f, damaged(s.line, s.name, "field %s is missing", key)
	}
	return f, nil
}

// integer reads a whole number from lo to limit, our own limit.
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

// exactly checks a whole number that has only one right value.
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

// floats reads n finite numbers of at most this size.
func (s *section) floats(key string, n int, most float64) ([]float64, error) {
	wanted := "a finite number"
	if most < math.MaxFloat64 {
		wanted += fmt.Sprintf(" of at most %g", most)
	}
	var values []float64
	err := s.each(key, n, func(text string) bool {
		v, err := strconv.ParseFloat(text, 64)
		values = append(values, v)
		return err == nil && math.Abs(v) <= most
	}, wanted)
	return values, err
}

// each counts the values of a field, before anything is made for them, and calls take
// with each of the n. take reports whether one is as wanted.
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
