package capture

import (
	"errors"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Why a frame has no packet that belongs to a flow.
var (
	errNotIP     = errors.New("not IP") // ARP, spanning tree ...
	errUnknown   = errors.New("unknown encapsulation")
	errMalformed = errors.New("malformed") // its lengths contradict each other
	errCutHeader = errors.New("cut inside a header")
	errNoFlow    = errors.New("a protocol without flows")
	errFragment  = errors.New("a fragment that waits for others")
)

// dissector takes frames apart, layer by layer, and adds the IP packets in them to their
// flows. Which layers it opens, and how, is as in Zeek.
//
// Each method reads one layer. It returns nil if a packet in it belongs to a flow, and
// otherwise why none does.
type dissector struct {
	table     *table
	fragments fragments
	frame     *frame
	packet    packet
}

// path is how a layer was reached.
type path struct {
	layers  int     // outside it
	tunnels int     // outside it
	tunnel  *tunnel // the innermost of them; nil if there is none
}

// Bounds on how deep a packet may lie, as in Zeek.
const (
	maxLayers  = 25
	maxTunnels = 4
)

// deeper is the path to the next layer.
func (at path) deeper() (path, error) {
	if at.layers++; at.layers > maxLayers {
		return at, errUnknown
	}
	return at, nil
}

// into is the path into a tunnel.
func (at path) into(t tunnel) (path, error) {
	if at.tunnels++; at.tunnels > maxTunnels {
		return at, errUnknown
	}
	t.outer, at.tunnel = at.tunnel, &t
	return at.deeper()
}

// dissect takes one frame apart.
func (d *dissector) dissect(f *frame) error {
	layer := f.link.layer()
	if layer == nil {
		return ErrLinkType
	}
	d.frame = f
	if len(f.data) > 0 { // as in Zeek, an empty one is no sign of time
		d.table.advance(f.ts)
	}
	return layer(d, part{f.data, len(f.data), f.wire}, path{})
}

// ip reads an IP packet, or joins it with the other fragments of its datagram.
func (d *dissector) ip(b part, at path) error {
	p := &d.packet
	if err := parseIP(b, p); err != nil {
		return err
	}
	p.ts = d.frame.ts
	if p.frag.isFragment() && !d.fragments.add(p, d.table.now) {
		return errFragment
	}
	switch p.proto {
	case protoIPv4, protoIPv6:
		return d.ipInIP(p, at)
	case protoGRE:
		return d.gre(p.payload(), p, at)
	}
	c, err := d.table.packet(p, at.tunnel)
	if err == nil && p.proto == zeek.UDP {
		d.udpTunnel(c, p.payload().from(8), at)
	}
	return err
}
