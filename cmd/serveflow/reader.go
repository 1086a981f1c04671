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

// fileReader takes record files through an assembler, as if each were a partition.
type fileReader struct {
	files logFiles
	conns bool // flows are the records of conn.log
	flows *assembler.Assembler
	// failed tells of a sink that cannot go on; nil while it can.
	failed func() error
}

func newFileReader(t terminal, cfg flow.Config, limits zeek.Limits, d assembler.Decider, failed func() error) *fileReader {
	m := assembler.NewMetrics(prometheus.NewRegistry())
	files := logFiles{t: t, most: limits.OrDefault().Record, conns: cfg.Conns}
	return &fileReader{files: files, conns: cfg.Conns, flows: assembler.New(cfg, limits, 0, d, m), failed: failed}
}

// read takes the files in order, then decides what is still open. The error says how much
// could not be read.
func (r *fileReader) read(ctx context.Context, files []string) error {
	err := r.files.each(ctx, files, func(record []byte, line int) error {
		if err := r.flows.Take(ctx, record, int64(line), nobody{}); err != nil {
			return err
		}
		return r.failed()
	})
	if ctx.Err() == nil && r.failed() == nil {
		r.flows.Drain(ctx) // what came before a fault still counts
	}
	if n := r.flows.Foreign(); n > 0 {
		r.files.say(passedBy(n, r.files.lines, r.conns))
	}
	return err
}

// passedBy says how many records made no flow because they are of another log.
func passedBy(n, of int, conns bool) string {
	why := "they are not the Zeek package's packet and end records; conn.log needs a bundle that reads it (--task service-conn), or features --input conn"
	if conns {
		why = "only those of conn.log make flows: with a uid, and a _path that says conn or a conn_state"
	}
	return fmt.Sprintf("%d of %d records were passed by: %s", n, of, why)
}

// nobody waits for the labels of a file.
type nobody struct{}

// Pin gives an Acker that tells nobody.
func (n nobody) Pin(int64) delivery.Acker { return n }

// Ack tells nobody.
func (nobody) Ack() {}
