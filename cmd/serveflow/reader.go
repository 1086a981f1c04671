package main

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
)

// shownFaults is how many bad records are named one by one.
const shownFaults = 10

// fileReader takes record files through an assembler, as if each were a partition.
type fileReader struct {
	t     terminal
	flows *assembler.Assembler
	most  int // bytes of a line
	// failed tells of a sink that cannot go on; nil while it can.
	failed func() error
	taken  int
	bad    int
}

func newFileReader(t terminal, cfg flow.Config, limits zeek.Limits, d assembler.Decider, failed func() error) *fileReader {
	m := assembler.NewMetrics(prometheus.NewRegistry())
	return &fileReader{t: t, flows: assembler.New(cfg, limits, 0, d, m), most: limits.OrDefault().Record, failed: failed}
}

// read takes the files in order, then decides what is still open. Bad records are
// named and passed over; the error says how many there were.
func (r *fileReader) read(ctx context.Context, files []string) error {
	var broken error
	for _, name := range files {
		if broken = r.file(ctx, name); broken != nil {
			break
		}
	}
	if ctx.Err() == nil && r.failed() == nil {
		r.flows.Drain(ctx) // what came before a fault still counts
	}
	switch {
	case broken != nil:
		return broken
	case r.bad > 0:
		return fmt.Errorf("%d of %d records could not be read; all others were", r.bad, r.taken)
	}
	return nil
}

func (r *fileReader) file(ctx context.Context, name string) error {
	return eachLineOf(ctx, r.t, name, r.most, func(number int, line []byte) error {
		if len(line) == 0 {
			return nil
		}
		r.taken++
		if err := r.flows.Take(ctx, line, int64(number), nobody{}); err != nil {
			r.fault(fmt.Errorf("%s:%d: %w", name, number, err))
		}
		return r.failed()
	})
}

func (r *fileReader) fault(err error) {
	if r.bad++; r.bad <= shownFaults {
		fmt.Fprintln(r.t.err, "serveflow:", err)
	}
	if r.bad == shownFaults {
		fmt.Fprintln(r.t.err, "serveflow: further bad records are counted, not named")
	}
}

// nobody waits for the labels of a file.
type nobody struct{}

// Pin gives an Acker that tells nobody.
func (n nobody) Pin(int64) delivery.Acker { return n }

// Ack tells nobody.
func (nobody) Ack() {}
