package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/serveflow/serveflow/workbench/annotate"
)

// shownNames is how many names without a pattern, and how many labels, are shown.
const (
	shownNames  = 10
	shownLabels = 40
)

// labelReport says on standard error what became of flows and sources.
type labelReport struct{ to io.Writer }

func (r labelReport) line(format string, args ...any) { fmt.Fprintf(r.to, format+"\n", args...) }

func (r labelReport) records(table *annotate.Table, files int) {
	r.line("%s in %s", counted(table.Flows(), "flow"), counted(files, "file"))
	if n := table.Late; n > 0 {
		r.line("  %s began before the records: their first packet is not there", counted(n, "flow"))
	}
	if n := table.Without; n > 0 {
		r.line("  %s left out: only an end record is there, and no packet", counted(n, "further flow"))
	}
	if n := table.Foreign; n > 0 {
		r.line("  %s passed by: they are of another log than the Zeek package's or conn.log", counted(n, "record"))
	}
}

func (r labelReport) source(rep *annotate.Report) {
	r.line("%s: %d of %s matched", rep.Source, rep.Hits, counted(rep.Rows, "row"))
	for _, skip := range rep.Skips {
		r.line("  %6d %s", skip.Rows, skip.Why)
	}
	if rep.Rows == 0 && rep.Other == 0 && len(rep.Skips) == 0 {
		r.line("         there is no row in it: the program that wrote it saw no flow, or the file is cut")
	}
	if rep.Shifted > 0 {
		when := "later"
		if rep.Shift < 0 {
			when = "earlier"
		}
		r.line("         %d of them begin %v %s than such a flow: its clock or its zone is another", rep.Shifted, rep.Shift.Abs(), when)
	}
	if rep.NoText > 0 {
		r.line("         the first that is not UTF-8: line %d", rep.NoText)
	}
	for _, more := range []struct {
		n   int
		why string
	}{
		{rep.Other, "passed by: of another kind"},
		{rep.Agree, "flows have the same label from an earlier source"},
		{rep.Differ, "flows have another label from an earlier source, and keep it"},
		{rep.Within, "rows disagree with another row of this source about their flow"},
	} {
		if more.n > 0 {
			r.line("  %6d %s", more.n, more.why)
		}
	}
	for i, name := range rep.Names {
		if i == shownNames {
			r.line("         ... and %d other names without a pattern", len(rep.Names)-i)
			break
		}
		if name.Server != "" {
			r.line("         no pattern: %q, server %q (%d)", name.Name, name.Server, name.Rows)
			continue
		}
		r.line("         no pattern: %q (%d)", name.Name, name.Rows)
	}
}

func (r labelReport) rest(n, named int, label string) {
	r.line("rest: %s of which no source says anything are %s", counted(n, "flow"), label)
	if named > 0 {
		r.line("  %6d more have a name that is no label, and stay without one: a last line *,LABEL in the map would take them", named)
	}
}

func (r labelReport) labels(l *annotate.Labeller, labelled, flows int) {
	r.line("%d of %s have a label", labelled, counted(flows, "flow"))
	byLabel, bySource := l.Counts()
	for _, source := range l.Sources() {
		r.line("  %6d by %s", bySource[source], source)
	}
	labels := l.Labels()
	slices.SortStableFunc(labels, func(a, b string) int { return byLabel[b] - byLabel[a] })
	for i, label := range labels {
		if i == shownLabels {
			r.line("         ... and %d other labels", len(labels)-i)
			break
		}
		r.line("  %6d %s", byLabel[label], label)
	}
}
