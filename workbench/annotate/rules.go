package annotate

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"
)

// Rules turn the names that sources have into labels. Nil rules leave a name as it is; of a
// server's name they leave the registered domain.
type Rules struct{ rules []rule }

type rule struct{ pattern, label string }

// ReadRules reads a map: CSV with a line PATTERN,LABEL for each rule. A first line
// "pattern,label", blank lines and lines that begin with # are passed over. The error names the
// line.
func ReadRules(in io.Reader) (*Rules, error) {
	r := csv.NewReader(bufio.NewReader(in))
	r.Comment, r.FieldsPerRecord, r.TrimLeadingSpace = '#', -1, true
	rules := &Rules{}
	for first := true; ; first = false {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if len(fields) != 2 {
			return nil, fmt.Errorf("line %d has %d columns: write PATTERN,LABEL, in quotation marks where there is a comma inside", line, len(fields))
		}
		pattern, label := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(fields[0], "\ufeff"))), strings.TrimSpace(fields[1])
		if first && pattern == "pattern" && strings.EqualFold(label, "label") {
			continue
		}
		if !utf8.ValidString(fields[0] + label) {
			return nil, fmt.Errorf("line %d is not text in UTF-8: save the file as UTF-8", line)
		}
		if pattern == "" {
			return nil, fmt.Errorf("line %d has no pattern: write PATTERN,LABEL", line)
		}
		if err := CheckLabel(label); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		rules.rules = append(rules.rules, rule{pattern, label})
	}
	if len(rules.rules) == 0 {
		return nil, errors.New("there is no rule in it: write lines PATTERN,LABEL")
	}
	return rules, nil
}

// unknown is the label that is no class.
const unknown = "unknown"

// CheckLabel refuses a label that no bundle can have as a class.
func CheckLabel(label string) error {
	switch {
	case label == "":
		return errors.New("the label is empty")
	case label == unknown:
		return fmt.Errorf("the label %q is what every bundle says of flows that are like no class, so no class can have it; choose another, such as other, or give such flows no label", label)
	case !utf8.ValidString(label):
		return fmt.Errorf("the label %q is not text in UTF-8: save the file as UTF-8", label)
	case strings.TrimSpace(label) != label || strings.ContainsFunc(label, unprintable):
		return fmt.Errorf("the label %q is not one line of text without spaces around it", label)
	case utf8.RuneCountInString(label) > 64:
		return fmt.Errorf("the label %q has more than 64 characters", label)
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// label gives the label for a row's names, of which one at least is there; false where no rule
// fits. The first rule that fits any of the names holds.
func (r *Rules) label(row *row) (string, bool) {
	if r == nil {
		if row.server {
			return domain(row.names[0]), true
		}
		return row.names[0], true
	}
	for _, rule := range r.rules {
		for _, name := range row.names {
			if fits(rule.pattern, strings.ToLower(name)) {
				return rule.label, true
			}
		}
	}
	return row.names[0], row.final
}

// domain is the part of a server's name that somebody registered, such as example.co.uk; the
// whole name where there is none.
func domain(name string) string {
	if registered, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return registered
	}
	return name
}

// fits reports whether a name fits a pattern: * stands for any text. A pattern that begins with a
// dot fits the domain behind it, and all below.
func fits(pattern, name string) bool {
	if pattern[0] == '.' && (name == pattern[1:] || strings.HasSuffix(name, pattern)) {
		return true
	}
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	rest, ok := strings.CutPrefix(name, parts[0])
	if last == 0 {
		return ok && rest == ""
	}
	for _, part := range parts[1:last] {
		if !ok {
			return false
		}
		_, rest, ok = strings.Cut(rest, part)
	}
	return ok && strings.HasSuffix(rest, parts[last])
}
