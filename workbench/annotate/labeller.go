package annotate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Options are how rows find flows, and what becomes of names.
type Options struct {
	Rules   *Rules
	Slack   time.Duration    // how far a row without a uid may be from its flow in time
	Window  time.Duration    // how long after a DNS answer a client's flows to the address are named by it
	Guesses bool             // take what a source guessed from the port alone
	MACs    *MACs            // who had which MAC, for lists of devices; nil where nothing is known
	Miss    func(Miss) error // told of each row that gave no label; may be nil
}

// Labeller gives the flows of a table labels, source by source. Only one goroutine may use it.
type Labeller struct {
	table  *Table
	opt    Options
	labels []string          // by number
	number map[string]uint32 // of a label
	source []string          // names of the sources, by number less one
	found  []uint32          // scratch
}

// New builds a labeller of the flows of a table that is closed.
func New(table *Table, opt Options) *Labeller {
	return &Labeller{table: table, opt: opt, number: map[string]uint32{}}
}

// Apply reads a source to its end. The name stands in the labels' column source. The error is that
// of the input or of Options.Miss; what was read before it holds.
func (l *Labeller) Apply(ctx context.Context, kind Kind, name string, in io.Reader) (*Report, error) {
	if kind == Devices {
		return l.devices(ctx, name, in)
	}
	l.source = append(l.source, name)
	rep, counts := &Report{Source: name}, newTally()
	source, err := open(kind, in)
	if err != nil {
		return rep, err
	}
	for err == nil {
		if err = ctx.Err(); err == nil {
			err = l.next(rep, counts, source)
		}
	}
	counts.tell(rep)
	if errors.Is(err, io.EOF) {
		err = rep.form()
	}
	return rep, err
}

// next takes one row.
func (l *Labeller) next(rep *Report, counts tally, source rows) error {
	r, err := source.next()
	var bad *unread
	switch {
	case errors.As(err, &bad):
		return l.unread(rep, bad)
	case err != nil:
		return err
	case r == nil:
		rep.Other++
		return nil
	}
	rep.Rows++
	why := l.take(rep, r)
	if why == "" {
		rep.Hits++
		return nil
	}
	rep.skip(why)
	name := r.name()
	switch {
	case why == skipText && rep.NoText == 0:
		rep.NoText = r.line
	case why == skipTime:
		counts.shift(l.table, r)
	case why == skipRule:
		count(counts.names, name)
	}
	return l.miss(Miss{Source: rep.Source, Line: r.line, Why: string(why), Name: name.String()})
}

// unread counts a line that is no row.
func (l *Labeller) unread(rep *Report, bad *unread) error {
	rep.skip(skipUnread)
	if rep.Bad == "" {
		rep.Bad = bad.Error()
	}
	return l.miss(Miss{Source: rep.Source, Line: bad.line, Why: fmt.Sprintf("%s: %v", skipUnread, bad.err)})
}

func (l *Labeller) miss(m Miss) error {
	if l.opt.Miss == nil {
		return nil
	}
	return l.opt.Miss(m)
}

// take gives a row's flows their label. It returns why it gives none.
func (l *Labeller) take(rep *Report, r *row) skip {
	named := l.answers(rep, r)
	if len(r.names) == 0 {
		if named {
			return ""
		}
		return skipNothing
	}
	if r.guess && !l.opt.Guesses {
		return skipGuess
	}
	why := l.find(r)
	label, ok := l.opt.Rules.label(r)
	switch {
	case named && (why != "" || !ok):
		return ""
	case why != "":
		return why
	case (!ok || CheckLabel(label) != nil) && !r.isText():
		l.name()
		return skipText
	case !ok:
		l.name()
		return skipRule
	case CheckLabel(label) != nil:
		l.name()
		return skipLabel
	}
	for _, i := range l.found {
		l.give(rep, &l.table.flows[i], label, r.rank)
	}
	return ""
}
