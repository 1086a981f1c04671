package capture

import "net/netip"

// tunnel is a tunnel that a packet came through. Zeek knows it by the addresses of its
// ends, or, over UDP, by its connection.
type tunnel struct {
	kind  tunnelKind
	ends  [2]netip.Addr
	conn  uint64 // its order
	outer *tunnel
}

// tunnelKind is a kind of tunnel.
type tunnelKind uint8

const (
	noTunnel  tunnelKind = iota
	tunnelIP             // GRE, too
	tunnelGRE            // over UDP
	tunnelVXLAN
	tunnelGeneve
	tunnelTeredo
	tunnelAYIYA
	tunnelGTP
)

// equal reports whether two packets came through the same tunnels.
func (t *tunnel) equal(other *tunnel) bool {
	for t != nil && other != nil {
		if t == other {
			return true
		}
		if t.kind != other.kind || t.ends != other.ends || t.conn != other.conn {
			return false
		}
		t, other = t.outer, other.outer
	}
	return t == other
}

// intoIP is the path into the tunnel between the two hosts of a packet.
func (at path) intoIP(p *packet) (path, error) {
	t := tunnel{kind: tunnelIP, ends: [2]netip.Addr{p.src, p.dst}}
	if p.dst.Less(p.src) {
		t.ends = [2]netip.Addr{p.dst, p.src}
	}
	return at.into(t)
}

// ipInIP reads an IP packet of the version that the protocol number says.
func (d *dissector) ipInIP(p *packet, at path) error {
	at, err := at.intoIP(p)
	if err != nil {
		return err
	}
	b := p.payload()
	if err := fills(b, p.proto); err != nil {
		return err
	}
	return d.ip(b, at)
}

// fills checks that an IP packet takes the whole of a part, as Zeek requires in some
// tunnels.
func fills(b part, proto uint8) error {
	version, header := byte(4), 20
	if proto == protoIPv6 {
		version, header = 6, 40
	}
	if len(b.data) < header {
		return b.short()
	}
	if b.data[0]>>4 != version {
		return errNotIP
	}
	if ipLength(b) != b.wire {
		return errMalformed
	}
	return nil
}

// ipLength is the length of the IP packet that a part begins with, by its header.
func ipLength(b part) int {
	if b.data[0]>>4 == 6 {
		return 40 + b.uint16(4)
	}
	return b.uint16(2)
}
