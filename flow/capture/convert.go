package capture

import (
	"cmp"
	"fmt"
	"io"

	"github.com/serveflow/serveflow/flow/zeek"
)

// maxTS is the latest time of a packet, in microseconds, that a record can have. The
// earliest is 0.
const maxTS = zeek.MaxTS

// Options says how to convert. The zero value is ready for use.
type Options struct {
	Depth    int // packet records per flow; 0 means 10
	MaxFlows int // open flows; beyond it the one that would be forgotten next ends early; 0 means 1,048,576

	// EveryEnd also emits the end record and summary of a flow that had no packet record,
	// because all its packets were cut. conn.log has such flows.
	EveryEnd bool
	// IDs makes the uids; nil means a new one.
	IDs *IDs
}

// Convert reads a capture, pcap or pcapng, and passes its records to emit in the order in
// which Zeek writes them: the end record of a flow when Zeek would forget it, and all that
// are left at the end of the capture. A flow without a packet record has no end record
// either. The summary is nil for a packet record. Both are valid until emit returns. An
// error of emit ends the conversion.
//
// r is the uncompressed capture; see Decompress. If the capture is cut or damaged, all
// records before that are emitted, end records, too. The error then says where; it wraps
// ErrEmpty, ErrNotCapture, ErrLinkType, ErrCut or an error of r.
func Convert(r io.Reader, opt Options, emit func(*zeek.Record, *zeek.Summary) error) (Stats, error) {
	var stats Stats
	src, err := newSource(r)
	if err != nil {
		return stats, fmt.Errorf("capture: %w", err)
	}
	t := &table{
		depth: opt.Depth, maxFlows: opt.MaxFlows, everyEnd: opt.EveryEnd, ids: opt.IDs,
		emit: emit, stats: &stats, conns: make(map[connKey]*conn),
	}
	if t.ids == nil {
		t.ids = &IDs{}
	}
	if t.depth <= 0 {
		t.depth = 10
	}
	if t.maxFlows <= 0 {
		t.maxFlows = 1 << 20
	}
	readErr := t.run(src)
	t.finish()
	if t.err != nil {
		return stats, t.err
	}
	if readErr != nil {
		return stats, fmt.Errorf("capture: %w", readErr)
	}
	return stats, nil
}

// run reads the capture to its end, or to the first error.
func (t *table) run(src *source) error {
	var f frame
	var unknown error // of the first frame with an unknown link type
	unknowns := 0
	d := dissector{table: t}
	for t.err == nil {
		switch err := src.next(&f); {
		case err == io.EOF && unknowns > 0 && unknowns == t.stats.Packets:
			return unknown
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		t.stats.Packets++
		if f.link.layer() != nil && (f.ts < 0 || f.ts > maxTS) {
			t.stats.LeftOut.BadTime++
			continue
		}
		err := d.dissect(&f)
		if err == ErrLinkType {
			unknown = cmp.Or(unknown, f.link.unknown())
			unknowns++
		}
		t.stats.LeftOut.count(err)
	}
	return nil
}
