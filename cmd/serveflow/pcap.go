package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/serveflow/serveflow/flow/capture"
	"github.com/serveflow/serveflow/flow/zeek"
)

// pcap prints captures as the records that the Zeek package writes, or as conn.log.
func pcap(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("pcap", flag.ContinueOnError)
	depth := flags.Int("depth", 10, "a record for the first `N` packets of each flow")
	conns := flags.Bool("conn", false, "records of conn.log instead")
	if err := parse(flags, args, true); err != nil {
		return err
	}
	if *depth < 1 || *depth > 64 {
		return argumentError("--depth %d: choose 1 to 64 packets", *depth)
	}
	out := bufio.NewWriterSize(t.out, 1<<20)
	for _, name := range flags.Args() {
		if err := convert(ctx, t, name, *depth, *conns, out); err != nil {
			out.Flush() // what came before the fault still counts
			return err
		}
	}
	return out.Flush()
}

// convert writes one capture's records.
func convert(ctx context.Context, t terminal, name string, depth int, conns bool, out *bufio.Writer) error {
	in, err := open(t, name)
	if err != nil {
		return err
	}
	defer in.Close()
	var line []byte
	stats, err := capture.Convert(in, capture.Options{Depth: depth}, func(rec *zeek.Record, sum *zeek.Summary) error {
		switch {
		case conns && sum == nil:
			return ctx.Err()
		case conns:
			line = zeek.AppendConn(line[:0], rec, sum)
		case sum != nil:
			line = zeek.AppendEnd(line[:0], rec, sum)
		default:
			line = zeek.AppendRecord(line[:0], rec)
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
		return ctx.Err()
	})
	if err == nil && stats.Packets == 0 {
		err = errors.New("the capture holds no packets: capture again, or check its filter")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
