package summary

import (
	"fmt"
	"strings"

	"github.com/serveflow/serveflow/workbench/judge"
	"github.com/serveflow/serveflow/workbench/words"
)

// deferral says how good the first stage's uncertainty is.
func (s *sheet) deferral() {
	d := s.f.Deferral
	if d == nil {
		return
	}
	s.line("")
	s.line("macro-F1 where %s alone leaves a share of the flows to %s alone", d.First, d.Last)
	at := []int{0, 4, 10, 20, 30, 40}
	var head, rule, random, oracle strings.Builder
	for _, i := range at {
		p := d.Points[i]
		fmt.Fprintf(&head, " %6.0f%%", 100*p.Share)
		fmt.Fprintf(&rule, " %7.4f", p.Rule.Value)
		fmt.Fprintf(&random, " %7.4f", p.Random.Value)
		fmt.Fprintf(&oracle, " %7.4f", p.Oracle.Value)
	}
	s.line("%-20s%s", "", head.String())
	s.line("%-20s%s", "by its uncertainty", rule.String())
	s.line("%-20s%s", "at random", random.String())
	s.line("%-20s%s", "by the oracle", oracle.String())
	if d.Idle() {
		s.line("There is nothing to gain: even the oracle does no better than random.")
	} else {
		s.line("Its uncertainty has %s of the oracle's gain over random.", words.Percent(d.Gain))
	}
	s.line("The whole cascade leaves %.1f%% to later stages than %s, and has %.4f.", 100*d.At.Value, d.First, d.Here.Value)
}

// foreign says what became of flows of no class.
func (s *sheet) foreign() {
	if len(s.f.Foreign) == 0 {
		return
	}
	s.line("")
	s.line("%-22s %8s  %-26s %s", "known, but no class", "flows", "called unknown", "called a class, sure (> 0.9)")
	for _, f := range s.f.Foreign {
		name := f.Label
		if name == "" {
			name = "(all of them)"
		}
		s.line("%-22s %8s  %-26s %s", words.Short(name, 22), words.Thousands(f.Flows), words.Percent(f.Unknown), words.Percent(f.Confident))
	}
}

// classes is a row for each class, with what it is taken for most.
func (s *sheet) classes(what string, q *judge.Quality) {
	s.line("")
	s.line("%-16s %7s %9s %7s  %-24s %s", what, "flows", "precision", "recall", "F1", "most taken for")
	for i, c := range q.Classes {
		s.line("%-16s %7s %9.3f %7.3f  %-24s %s", words.Short(c.Name, 16), words.Thousands(c.Support), c.Precision.Value, c.Recall.Value, words.Fraction3(c.F1), mistaken(q, i))
	}
}

// mistaken says what a class is taken for most, where that is a flow in a hundred or more.
func mistaken(q *judge.Quality, class int) string {
	most, at := 0, 0
	for k, n := range q.Confusion[class] {
		if q.Columns[k] != q.Classes[class].Name && n > most {
			most, at = n, k
		}
	}
	if share := float64(most) / float64(q.Classes[class].Support); share >= .01 {
		return fmt.Sprintf("%s %.0f%%", q.Columns[at], 100*share)
	}
	return ""
}

// confusion is the table of what each class is called, where it fits.
func (s *sheet) confusion() {
	q := &s.f.Quality
	const name = 19
	column := 4
	for _, c := range q.Classes {
		column = max(column, len(fmt.Sprint(c.Support))+1)
	}
	if name+column*len(q.Columns) > width {
		s.line("\nThe confusion of %d classes is too wide for a terminal: --html FILE or --json has it.", len(q.Classes))
		return
	}
	s.line("")
	var head strings.Builder
	for k := range q.Columns {
		fmt.Fprintf(&head, "%*s", column, fmt.Sprintf("(%d)", k+1))
	}
	s.line("%-*s%s", name, "called", head.String())
	for i, c := range q.Classes {
		var row strings.Builder
		number := ""
		for k, n := range q.Confusion[i] {
			if q.Columns[k] == c.Name {
				number = fmt.Sprintf("(%d)", k+1)
			}
			text := "."
			if n > 0 {
				text = fmt.Sprint(n)
			}
			fmt.Fprintf(&row, "%*s", column, text)
		}
		s.line("%-*s%s", name, fmt.Sprintf("%4s %s", number, words.Short(c.Name, 13)), row.String())
	}
	for k, column := range q.Columns {
		if column == "unknown" || column == "no label" {
			s.line("%4s %s", fmt.Sprintf("(%d)", k+1), column)
		}
	}
}
