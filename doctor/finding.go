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
	Fault Severity = "fault" // records are lost or flows are mislabelled, now or soon
	Warn  Severity = "warn"  // it works now, and a fault is likely
	Info  Severity = "info"  // it is worth knowing; nothing is wrong
)

// Finding is one observation, in words for an operator.
type Finding struct {
	ID       string   `json:"id"` // stable, for scripts and the documentation
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`    // what is wrong, one line
	Evidence []string `json:"evidence"` // what was seen, with figures and examples
	Remedy   string   `json:"remedy"`   // what to do about it
}

// Broker is one address that was probed, and what listens there.
type Broker struct {
	Addr    string `json:"addr"`
	Node    int32  `json:"node"`    // -1 where the cluster's metadata does not have the address
	Answer  string `json:"answer"`  // "kafka", or the reason why it cannot be used
	Release string `json:"release"` // Kafka's release, as far as it can be guessed; may be empty
}

// Report is the result of a look.
type Report struct {
	Schema     string    `json:"schema"`
	Looked     bool      `json:"looked"` // false: no broker could be used, so nothing else was examined
	Topic      string    `json:"topic"`
	Brokers    []Broker  `json:"brokers"`
	Records    int       `json:"records"`    // the number of records of the input topic that were read
	Partitions int       `json:"partitions"` // of the input topic
	Findings   []Finding `json:"findings"`
	Faults     int       `json:"faults"`
	Warnings   int       `json:"warnings"`
	Notes      int       `json:"notes"`
}

// schema is the name and version of the report's format.
const schema = "serveflow.doctor/1"

// add appends findings.
func (r *Report) add(found ...Finding) { r.Findings = append(r.Findings, found...) }

// finish sorts the findings by severity, the worst first, counts them, and makes them safe
// for a terminal.
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

// printable replaces the control characters of a line. Evidence quotes records, and
// whoever sends packets past Zeek can choose a part of their content.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, line)
}

// Well reports whether there is no fault and no warning; notes do not count.
func (r *Report) Well() bool { return r.Looked && r.Faults+r.Warnings == 0 }

// Counts returns the number of faults, warnings and notes, in words.
func (r *Report) Counts() string {
	return fmt.Sprintf("%s, %s, %s", plural(r.Faults, "fault"), plural(r.Warnings, "warning"), plural(r.Notes, "note"))
}

// plural formats a number and its noun, with an s where the number is not 1.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return withCommas(int64(n)) + " " + noun + "s"
}

// withCommas formats a number with commas between thousands.
func withCommas(n int64) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// share formats k of n, as a percentage and as numbers.
func share(k, n int, noun string) string {
	return fmt.Sprintf("%.1f%% (%s of %s)", 100*float64(k)/float64(max(n, 1)), withCommas(int64(k)), plural(n, noun))
}

// joinSome joins at most limit names and says how many more there are.
func joinSome(names []string, limit int) string {
	if len(names) <= limit {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:limit], ", "), len(names)-limit)
}
