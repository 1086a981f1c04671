package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
)

// pcap prints captures as the records that the Zeek package writes.
func pcap(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("pcap", flag.ContinueOnError)
	depth := flags.Int("depth", 10, "packets a flow that get a record")
	if err := parse(t, flags, args, true); err != nil {
		return err
	}
	if *depth < 1 || *depth > 64 {
		return usageError{fmt.Errorf("--depth %d: choose 1 to 64 packets", *depth)}
	}
	out := bufio.NewWriterSize(t.out, 1<<20)
	for _, name := range flags.Args() {
		if err := convert(ctx, t, name, *depth, out); err != nil {
			out.Flush()
			return err
		}
	}
	return out.Flush()
}
