package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/serveflow/serveflow/flow/capture"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/decompress"
)

// pcap prints captures as the records that the Zeek package writes, or as conn.log. It ends
// with a line on standard error that counts what was read and what was left out.
func pcap(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("pcap", flag.ContinueOnError)
	depth := flags.Int("depth", 10, "a record for the first `N` packets of each flow")
	conns := flags.Bool("conn", false, "records of conn.log instead")
	asJSON := flags.Bool("json", false, "the last line on standard error as a JSON object")
	if err := parse(flags, args, true); err != nil {
		return err
	}
	if *depth < 1 || *depth > 64 {
		return argumentError("--depth %d: choose 1 to 64 packets", *depth)
	}
	c := conversion{terminal: t, out: bufio.NewWriterSize(t.out, 1<<20), depth: *depth, conns: *conns}
	err := c.all(ctx, flags.Args())
	if err != nil && !errors.As(err, new(reported)) { // the last line is the summary
		fmt.Fprintf(t.err, "serveflow pcap: %v\n", err)
		err = reported{err}
	}
	if summaryErr := c.sum.write(t.err, *asJSON); err == nil {
		err = summaryErr
	}
	return err
}

// conversion turns captures into records.
type conversion struct {
	terminal terminal
	out      *bufio.Writer
	depth    int
	conns    bool
	ids      capture.IDs
	line     []byte
	sum      pcapSummary
}

// all converts every capture that can be read, and says of each that cannot why. The error
// is reported unless the output failed or ctx ended, which ends the work.
func (c *conversion) all(ctx context.Context, names []string) error {
	var failures []error
	usage := 0
	for _, name := range names {
		stats, emitErr, err := c.file(ctx, name)
		c.sum.add(stats, err)
		if flushErr := c.out.Flush(); emitErr == nil { // what came before a fault still counts
			emitErr = flushErr
		}
		if emitErr != nil {
			return emitErr
		}
		if err != nil {
			failures = append(failures, err)
			fmt.Fprintf(c.terminal.err, "serveflow pcap: %v\n", err)
			if errors.As(err, new(usageError)) {
				usage++
			}
		} else if why := c.silence(stats); why != "" {
			fmt.Fprintf(c.terminal.err, "serveflow pcap: %s: %s\n", name, why)
		}
	}
	switch {
	case len(failures) == 0:
		return nil
	case usage == len(names):
		return usageError{reported{errors.Join(failures...)}}
	}
	return reported{fmt.Errorf("%d of %d captures were not read to the end", len(failures), len(names))}
}

// file converts one capture. emitErr is the error of writing a record; err is the capture's.
func (c *conversion) file(ctx context.Context, name string) (stats capture.Stats, emitErr, err error) {
	in, err := open(c.terminal, name, decompress.NewReader)
	if err != nil {
		return stats, nil, err
	}
	defer in.Close()
	opt := capture.Options{Depth: c.depth, EveryEnd: c.conns, IDs: &c.ids}
	stats, err = capture.Convert(in, opt, func(rec *zeek.Record, sum *zeek.Summary) error {
		if emitErr = ctx.Err(); emitErr == nil {
			emitErr = c.emit(rec, sum)
		}
		return emitErr
	})
	if err == nil && stats.Packets == 0 {
		err = errors.New("the capture holds no packets: capture again, or check its filter")
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return stats, emitErr, err
}

// emit writes a record.
func (c *conversion) emit(rec *zeek.Record, sum *zeek.Summary) error {
	switch {
	case c.conns && sum == nil:
		return nil
	case c.conns:
		c.line = zeek.AppendConn(c.line[:0], rec, sum)
	case sum != nil:
		c.line = zeek.AppendEnd(c.line[:0], rec, sum)
	default:
		c.line = zeek.AppendRecord(c.line[:0], rec)
	}
	_, err := c.out.Write(append(c.line, '\n'))
	return err
}

// silence says why nothing came out of a capture; it is empty if something did.
func (c *conversion) silence(s capture.Stats) string {
	if s.Ends > 0 {
		return ""
	}
	return fmt.Sprintf("no flow came out of %s: %s", counted(s.Packets, "packet"), s.LeftOut)
}
