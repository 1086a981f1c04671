package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Severity says how much a finding matters.
type Severity string

const (
	Fault Severity = "fault" // records are lost or flows mislabelled, or will be
	Warn  Severity = "warn"  // works now, and is likely to go wrong
	Info  Severity = "info"  // worth knowing; nothing is wrong
)

// Finding is one thing that the doctor noticed, in words for an operator.
type Finding struct {
	ID       string   `json:"id"` // stable: for scripts and the documentation
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`    // what is wrong, one line
	Evidence []string `json:"evidence"` // what was seen, with figures and examples
	Remedy   string   `json:"remedy"`   // what to do about it
}

// Broker is one address that was asked, and what answers there.
type Broker struct {
	Addr    string `json:"addr"`
	Node    int32  `json:"node"`    // -1 where the cluster's metadata does not name the address
	Answer  string `json:"answer"`  // "kafka", or what is in the way
	Release string `json:"release"` // as far as it can be told; empty where it cannot
}

// Report is everything that was found.
type Report struct {
	Schema   string    `json:"schema"`
	Looked   bool      `json:"looked"` // false: no broker could be asked, and only that was found
	Topic    string    `json:"topic"`
	Brokers  []Broker  `json:"brokers"`
	Records  int       `json:"records"`    // of the input topic that were looked at
	Spread   int       `json:"partitions"` // of the input topic
	Findings []Finding `json:"findings"`
	Faults   int       `json:"faults"`
	Warnings int       `json:"warnings"`
	Notes    int       `json:"notes"`
}

// schema names the report's form.
const schema = "serveflow.doctor/1"

// add appends findings.
func (r *Report) add(found ...Finding) { r.Findings = append(r.Findings, found...) }

// finish sorts what was found, the worst first, counts it, and makes it fit for a terminal.
func (r *Report) finish() {
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Title = printable(f.Title)
		for j, line := range f.Evidence {
			f.Evidence[j] = printable(line)
		}
	}
	order := map[Severity]int{Fault: 0, Warn: 1, Info: 2}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(order[a.Severity], order[b.Severity]) })
	for _, f := range r.Findings {
		switch f.Severity {
		case Fault:
			r.Faults++
		case Warn:
			r.Warnings++
		default:
			r.Notes++
		}
	}
}

// printable takes control characters out of a line: evidence quotes records, and
// anybody who can be seen by Zeek has a say in those.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, line)
}

// Well reports whether nothing is wrong; notes do not count.
func (r *Report) Well() bool { return r.Looked && r.Faults+r.Warnings == 0 }

// Counts gives the number of findings in words.
func (r *Report) Counts() string {
	return fmt.Sprintf("%s, %s, %s", many(r.Faults, "fault"), many(r.Warnings, "warning"), many(r.Notes, "note"))
}

// many gives a number and its noun, with an s where it is not one.
func many(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(int64(n)) + " " + noun + "s"
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// share gives k of n in per cent and in figures.
func share(k, n int, noun string) string {
	return fmt.Sprintf("%.1f%% (%s of %s)", 100*float64(k)/float64(max(n, 1)), grouped(int64(k)), many(n, noun))
}

// listed joins at most limit names, and says how many more there are.
func listed(names []string, limit int) string {
	if len(names) <= limit {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:limit], ", "), len(names)-limit)
}
