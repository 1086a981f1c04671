package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/flow/zeek/logfile"
)

// shownFaults is how many bad records are named one by one.
const shownFaults = 10

// logFiles reads record files and says what is wrong with them.
type logFiles struct {
	t     terminal
	most  int  // bytes of a line
	conns bool // only records of conn.log are wanted

	number     int // of the file that is read, from 0
	lines, bad int
}

// each hands the records of the files, in order, to take. A record that take or the reader
// refuses with a *zeek.Error is named and passed over, and so is the rest of a file that is
// damaged. Any other error of take ends it. The error says how much could not be read.
func (r *logFiles) each(ctx context.Context, files []string, take func(record []byte, line int) error) error {
	if err := present(files); err != nil {
		return err // before anything is read
	}
	var damaged []error
	for i, name := range files {
		r.number = i
		var stop *stopError
		switch err := r.file(ctx, name, take); {
		case errors.As(err, &stop):
			return stop.err
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			damaged = append(damaged, err)
		}
	}
	return r.verdict(damaged, len(files))
}

// present returns a usage error for the first file that is not there.
func present(files []string) error {
	for _, name := range files {
		if _, err := os.Stat(name); name != "-" && err != nil {
			return usageError{err}
		}
	}
	return nil
}

// stopError is an error of take that ends the reading.
type stopError struct{ err error }

// Error is that of the error inside.
func (s *stopError) Error() string { return s.err.Error() }

func (r *logFiles) file(ctx context.Context, name string, take func(record []byte, line int) error) error {
	var tally logfile.Tally
	records, err := eachRecord(ctx, r.t, name, r.most, func(rec logfile.Record) error {
		r.lines++
		err := rec.Err
		if err == nil {
			err = take(rec.JSON, rec.Line)
		}
		var bad *zeek.Error
		switch {
		case err == nil:
			tally.Take()
		case errors.As(err, &bad):
			tally.Refuse(rec.JSON, err)
			r.refuse(fmt.Errorf("%s:%d: %w", name, rec.Line, err))
		default:
			return &stopError{err}
		}
		return nil
	})
	if why := tally.Trouble(); why != "" {
		r.say(fmt.Sprintf("%s: %s", name, why))
	}
	if records == nil {
		return err
	}
	if err == nil && tally.Records()+tally.Refused() == 0 {
		r.say(name + ": there is no record in it")
	}
	if log := records.Log(); r.conns && log != "" && !zeek.IsConn(log) && tally.Records() > 0 {
		r.say(fmt.Sprintf("%s: this is %s.log by its header or name, and only conn.log makes flows: of its %d records those that name no log were passed by", name, log, tally.Records()))
	}
	return err
}

func (r *logFiles) say(text string) { fmt.Fprintln(r.t.err, "serveflow:", text) }

func (r *logFiles) refuse(err error) {
	if r.bad++; r.bad <= shownFaults {
		r.say(err.Error())
	}
	if r.bad == shownFaults {
		r.say("further bad records are counted, not named")
	}
}

// verdict is one error for all that could not be read.
func (r *logFiles) verdict(damaged []error, files int) error {
	var records error
	switch {
	case r.bad > 0 && r.bad == r.lines:
		records = fmt.Errorf("none of %d records could be read", r.lines)
	case r.bad > 0:
		records = fmt.Errorf("%d of %d records could not be read; all others were", r.bad, r.lines)
	}
	switch {
	case len(damaged) == 0:
		return records
	case len(damaged) > 1:
		for _, err := range damaged {
			r.say(err.Error())
		}
		damaged[0] = fmt.Errorf("%d of %d files could not be read to their end; all others were", len(damaged), files)
	}
	if records != nil {
		return fmt.Errorf("%w; and %w", damaged[0], records)
	}
	return damaged[0]
}
