package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/cascade/nprint"
	"github.com/serveflow/serveflow/flow"
)

// features prints, one CSV row a flow, what a stage of the given depth would see.
func features(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("features", flag.ContinueOnError)
	input := flags.String("input", bundle.Packets, "the `KIND` of records: packets, those of the Zeek package; conn, those of conn.log")
	depth := flags.Int("depth", 10, "a stage that looks at `N` packets of a flow; with --input conn always 1, the record")
	bits := flags.Bool("bits", false, "the nPrint bits too, 1,024 a packet")
	list := flags.String("names", "", "these features alone, a `LIST` with commas")
	if err := parse(flags, args, true); err != nil {
		return err
	}
	s, err := loadSettings()
	if err != nil {
		return err
	}
	if *input != bundle.Packets && *input != bundle.Conn {
		return argumentError("--input %s: choose packets or conn", *input)
	}
	conns := *input == bundle.Conn
	if conns {
		*depth = 1
	}
	if *depth < 1 || *depth > 64 {
		return argumentError("--depth %d: choose 1 to 64 packets", *depth)
	}
	table, err := newFeatureTable(t.out, featureNames(conns, *depth, *bits, *list), *depth)
	if err != nil {
		return argumentError("%w", err)
	}
	cfg := s.flowConfig(*depth, *depth)
	cfg.Conns = conns
	if err := errors.Join(s.limits().Validate(), cfg.Validate()); err != nil {
		return usageError{err}
	}
	err = newFileReader(t, cfg, s.limits(), table, table.failed).read(ctx, flags.Args())
	if errors.As(err, new(usageError)) {
		return err // nothing was read
	}
	if full := table.out.Flush(); full != nil {
		return fmt.Errorf("write the table: %w", full) // it is why reading ended, too
	}
	return err
}

func featureNames(conns bool, depth int, bits bool, list string) []string {
	switch {
	case list != "":
		return strings.Split(list, ",")
	case conns:
		return nprint.ConnNames()
	}
	names := nprint.Names(depth)
	if bits {
		names = append(names, nprint.BitNames(depth)...)
	}
	return names
}

// featureTable is a decider that writes each flow down instead of labelling it.
type featureTable struct {
	out     *bufio.Writer
	depth   int
	extract *nprint.Extractor
	row     []float32
	line    []byte
	err     error
}

func newFeatureTable(w io.Writer, names []string, depth int) (*featureTable, error) {
	extract, err := nprint.New(names)
	if err != nil {
		return nil, err
	}
	f := &featureTable{out: bufio.NewWriterSize(w, 1<<20), depth: depth, extract: extract, row: make([]float32, len(names))}
	_, err = fmt.Fprintln(f.out, "uid,sensor,ts_first,orig_h,orig_p,resp_h,resp_p,decided_by,"+strings.Join(names, ","))
	return f, err
}

func (t *featureTable) failed() error { return t.err }

// Close does nothing: a row has one decision.
func (t *featureTable) Close() {}

// Decide writes the flow's row once it has all the packets that it will have.
func (t *featureTable) Decide(_ context.Context, f *flow.Flow) bool {
	t.extract.Extract(t.row, f, t.depth)
	first := f.First()
	b := append(t.line[:0], f.UID...)
	b = append(append(append(b, ','), f.Sensor...), ',')
	b = fmt.Appendf(b, "%d.%06d,%s,%d,%s,%d,%s", first/1e6, first%1e6, f.Orig.Addr(), f.Orig.Port(), f.Resp.Addr(), f.Resp.Port(), f.Cause())
	for _, x := range t.row {
		b = strconv.AppendInt(append(b, ','), int64(x), 10)
	}
	t.line = append(b, '\n')
	if _, err := t.out.Write(t.line); err != nil && t.err == nil {
		t.err = fmt.Errorf("write the table: %w", err)
	}
	return true
}
