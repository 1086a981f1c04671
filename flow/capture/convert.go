package capture

import (
	"errors"
	"fmt"
	"io"

	"github.com/serveflow/serveflow/flow/zeek"
)

// The time of a packet must lie between these, in microseconds: 1970 to 2100.
const (
	minTS = 1e6
	maxTS = 4102444800e6
)

// Options says how to convert. The zero value is ready for use.
type Options struct {
	Depth    int // packet records per flow; 0 means 10
	MaxFlows int // open flows; beyond it the one that would be forgotten next ends early; 0 means 1,048,576
}

// Stats counts what a conversion found. Packets is the sum of NotIP to BadTime and of the
// packets that belong to a flow.
type Stats struct {
	Packets   int // read from the capture
	NotIP     int // ARP and the like
	CutHeader int // cut inside the IP or transport header; Zeek leaves these out, too
	Malformed int // their lengths contradict each other
	NoFlow    int // of protocols without flows (ESP, IGMP ...), or fragments except the last
	BadTime   int // not in the years 1970 to 2100
	Records   int // packet records emitted
	Flows     int // flows opened
	Ends      int // end records emitted
	Evicted   int // flows that ended early because of MaxFlows
}

// Convert reads a capture, pcap or pcapng, and passes its records to emit in the order in
// which Zeek writes them: the end record of a flow when Zeek would forget it, and all that
// are left at the end of the capture. The summary is nil for a packet record. Both are
// valid until emit returns. An error of emit ends the conversion.
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
		depth: opt.Depth, maxFlows: opt.MaxFlows, emit: emit, stats: &stats,
		conns: make(map[connKey]*conn),
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
	var p packet
	var frags fragments
	for t.err == nil {
		switch err := src.next(&f); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		t.stats.Packets++
		if f.ts < minTS || f.ts > maxTS {
			t.stats.BadTime++
			continue
		}
		t.advance(f.ts)
		p.ts = f.ts
		err := t.frame(&f, &p, &frags)
		if errors.Is(err, ErrLinkType) {
			return err
		}
		t.stats.count(err)
	}
	return nil
}

// frame finds the IP packet of a frame, through fragments and tunnels, and adds it to its
// flow.
func (t *table) frame(f *frame, p *packet, frags *fragments) error {
	at, err := networkOffset(f.link, f.data)
	if err != nil {
		return err
	}
	data, wire := f.data[min(at, len(f.data)):], f.wire-at
	for range 1 + maxTunnels {
		if err := parseIP(data, wire, p); err != nil {
			return err
		}
		if p.frag.isFragment() && !frags.add(p, t.now) {
			return errNoFlow
		}
		var ok bool
		if data, wire, ok = p.inner(); !ok {
			return t.packet(p)
		}
	}
	return errNoFlow
}

// maxTunnels is how many tunnels a packet may be in, as in Zeek.
const maxTunnels = 2

// count counts why a packet belongs to no flow.
func (s *Stats) count(err error) {
	switch err {
	case errNotIP:
		s.NotIP++
	case errCutHeader:
		s.CutHeader++
	case errMalformed:
		s.Malformed++
	case errNoFlow:
		s.NoFlow++
	}
}
