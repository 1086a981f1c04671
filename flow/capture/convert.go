// Package capture turns packet captures into the records that the Zeek package
// writes, so that one can train and try without Zeek.
//
// It follows Zeek where Zeek decides what a flow is: the timeouts, the state
// machine of TCP, who the originator is. Checksums are not looked at, as with
// zeek -C. Time is the packets' own.
//
// What it gives beyond Zeek: ip_len, plen, ttl, flags and win are there even
// where the capture cut the payload, since the header tells them. What it lacks:
// tunnels over UDP (VXLAN, Geneve, Teredo, GTP) are not opened, and payload is
// never looked at, so that no protocol is recognised by it and none changes a
// timeout.
package capture

import (
	"errors"
	"fmt"
	"io"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Times that a record can have, microseconds: 1970 to 2100.
const (
	minTS = 1e6
	maxTS = 4102444800e6
)

// Options says how to convert. The zero value is ready for use.
type Options struct {
	Depth    int // packet records for each flow; 0 means 10
	MaxFlows int // flows open at once, beyond which the next to be forgotten gives way; 0 means 1,048,576
}

// Stats counts what a conversion met. Packets is the sum of the packets that
// count in a flow and of NotIP to BadTime.
type Stats struct {
	Packets   int // read from the capture
	NotIP     int // ARP and the like
	CutHeader int // cut inside the IP or transport header: Zeek leaves these out, too
	Malformed int // with lengths that contradict each other
	Passed    int // of protocols without flows (ESP, IGMP ...), or fragments but the last
	BadTime   int // outside the years 1970 to 2100
	Records   int // packet records emitted
	Flows     int // opened
	Ends      int // end records emitted
	Evicted   int // flows that ended early for MaxFlows
}

// Convert reads a capture, pcap or pcapng, and hands its records to emit in the
// order in which Zeek writes them: a flow's end when it is forgotten, and the
// ends of all at the capture's end. The summary is nil for a packet record. Both
// hold until emit returns; an error of emit ends the conversion.
//
// r holds the capture uncompressed: see Decompress. Where the capture breaks off
// or is damaged, everything before that is emitted, ends too, and the error then
// says where; it wraps ErrEmpty, ErrNotCapture, ErrLinkType, ErrCut or r's own.
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

// run reads the capture to its end, or to what is wrong with it.
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
		t.stats.note(err)
	}
	return nil
}

// frame finds the IP packet of a frame, through fragments and tunnels, and puts
// it to its flow.
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
		if p.frag.is() && !frags.add(p, t.now) {
			return errPassed
		}
		var ok bool
		if data, wire, ok = p.inner(); !ok {
			return t.packet(p)
		}
	}
	return errPassed
}

// maxTunnels is how deep a packet may lie in others, as in Zeek.
const maxTunnels = 2

// note counts why a packet led to no flow.
func (s *Stats) note(err error) {
	switch err {
	case errNotIP:
		s.NotIP++
	case errCutHeader:
		s.CutHeader++
	case errMalformed:
		s.Malformed++
	case errPassed:
		s.Passed++
	}
}
