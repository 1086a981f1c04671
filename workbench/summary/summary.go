// Package summary prints a cascade's figures for a terminal.
package summary

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/serveflow/serveflow/workbench/judge"
	"github.com/serveflow/serveflow/workbench/words"
)

// width is how many columns the text has, at most.
const width = 100

// Write writes an evaluation as text.
func Write(w io.Writer, e *judge.Evaluation) error {
	var b bytes.Buffer
	s := sheet{out: &b, e: e, f: &e.Figures}
	s.head()
	s.quality()
	s.beside()
	s.shares()
	s.waits()
	s.deferral()
	s.foreign()
	s.classes("class", &s.f.Quality)
	if s.f.Families != nil {
		s.classes("family", s.f.Families)
	}
	s.confusion()
	_, err := w.Write(b.Bytes())
	return err
}

// sheet is a summary that is being written.
type sheet struct {
	out *bytes.Buffer
	e   *judge.Evaluation
	f   *judge.Report
}

// line writes a line, without spaces at its end.
func (s *sheet) line(format string, args ...any) {
	s.out.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// head says what was judged.
func (s *sheet) head() {
	n := s.f.Flows
	s.line("%s on %s flows with a known label, of %s", s.e.Bundle, words.Thousands(n.Known), words.Counted(n.Captures, "capture"))
	by := "captures"
	if n.DrawnBy == "flow" {
		by = "flows"
	}
	s.line("[in brackets: where 90 of 100 bootstrap draws of the %s lie]", by)
	switch {
	case n.DrawnBy == "flow":
		s.line("The labels name a single capture. Flows of one capture are alike, so the true intervals are wider.")
	case n.Captures < judge.FewCaptures:
		s.line("With %s the intervals mean little: label flows of %d or more.", words.Counted(n.Captures, "capture"), judge.FewCaptures)
	}
	if n.OfClass < judge.FewFlows {
		s.line("Only %s with a label that is a class: so few say little. Label %d or more.", words.Counted(n.OfClass, "flow"), judge.FewFlows)
	}
	if n.Unlabelled > 0 {
		s.line("%s of them got no label and count as wrong: their records are not there, or begin later.", words.Thousands(n.Unlabelled))
	}
	if s.e.Run.Unlabelled > 0 {
		s.line("The models failed on %s of the records: see the log.", words.Counted(s.e.Run.Unlabelled, "flow"))
	}
	if n.Other > 0 {
		s.line("%s of the records have no known label; they count where it says all flows.", words.Counted(n.Other, "further flow"))
	}
}

func (s *sheet) quality() {
	q := &s.f.Quality
	s.line("")
	for _, row := range []struct {
		name string
		of   judge.Figure
	}{{"accuracy", q.Accuracy}, {"macro-F1", q.MacroF1}, {"weighted F1", q.WeightedF1}, {"calibration error", s.f.Reliability.ECE}} {
		s.line("%-18s %s", row.name, words.Fraction(row.of))
	}
	if f := s.f.Families; f != nil {
		s.line("%-18s %s", "macro-F1, families", words.Fraction(f.MacroF1))
	}
	s.line("%-18s %s of known flows of a class", "called unknown", words.Percent(q.Unknown))
}

// beside is the cascade beside each stage alone.
func (s *sheet) beside() {
	s.line("")
	s.line("%-16s %-24s %-8s %9s %8s %8s %8s %10s", "", "macro-F1", "accuracy", "wait p50", "p90", "p99", "<16 ms", "compute")
	row := func(name string, f1, accuracy judge.Figure, w judge.Waits, c judge.Compute) {
		s.line("%-16s %-24s %-8.4f %9s %8s %8s %7.1f%% %10s", name, words.Fraction(f1), accuracy.Value, words.Wait(w.P50.Value), words.Wait(w.P90.Value), words.Wait(w.P99.Value),
			100*w.Under.Value, words.Micros(c.Mean.Value))
	}
	row("the cascade", s.f.Quality.MacroF1, s.f.Quality.Accuracy, s.f.WaitKnown, s.f.Compute)
	for _, a := range s.f.Alone {
		row(words.Short(a.Stage, 10)+" alone", a.MacroF1, a.Accuracy, a.Wait, a.Compute)
	}
	if n := len(s.f.Alone); n > 0 {
		last := s.f.Alone[n-1]
		s.line("The cascade's macro-F1 is %+.4f [%+.4f, %+.4f] from that of %s alone, in the same draws.", last.Less.Value, last.Less.Low, last.Less.High, last.Stage)
	}
	c := s.f.Compute
	s.line("Computing a flow here: mean %s, p50 %s, p99 %s; CPU of the run %s a flow.", words.Micros(c.Mean.Value), words.Micros(c.P50.Value), words.Micros(c.P99.Value), words.Micros(s.e.Run.CPU))
}

// shares are those of stages and reasons.
func (s *sheet) shares() {
	for _, of := range []struct {
		name   string
		shares []judge.Share
	}{{"decided by stage", s.f.ByStage}, {"decided because", s.f.ByReason}} {
		s.line("")
		s.line("%-16s %-24s %s", of.name, "of known flows", "of all flows")
		for _, share := range of.shares {
			name := share.Name
			if name == "" {
				name = "(no stage)"
			}
			s.line("%-16s %-24s %-24s %s", words.Short(name, 16), words.Percent(share.Known), words.Percent(share.All), words.Bar(share.All.Value, 30))
		}
	}
}

// waits are the times from a flow's first packet to its label.
func (s *sheet) waits() {
	s.line("")
	s.line("%-16s %-19s %-19s %-19s %s", "first packet to", "p50", "p90", "p99", "within 16 ms")
	for _, row := range []struct {
		name string
		w    judge.Waits
	}{{"label, known", s.f.WaitKnown}, {"label, all flows", s.f.WaitAll}} {
		s.line("%-16s %-19s %-19s %-19s %s", row.name, words.Span(row.w.P50), words.Span(row.w.P90), words.Span(row.w.P99), words.Percent(row.w.Under))
	}
	if s.e.Run.Input == "conn" {
		s.line("Record time: how long the connections are. Zeek writes their records seconds to minutes later.")
		return
	}
	s.line("Record time, without computing. A silence counts with the %s of SERVEFLOW_LATENESS.", words.Wait(s.e.Run.Lateness))
}
