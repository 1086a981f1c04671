package capture

// kindOf returns the kind of tunnel of a UDP packet: by the responder's port, or else by
// the payload.
func kindOf(port uint16, b part) tunnelKind {
	switch port {
	case 4789:
		return tunnelVXLAN
	case 6081:
		return tunnelGeneve
	case 3544:
		return tunnelTeredo
	case 5072:
		return tunnelAYIYA
	case 2123, 2152:
		return tunnelGTP
	case 4754:
		return tunnelGRE
	}
	switch {
	case looksLikeTeredo(b.data):
		return tunnelTeredo
	case looksLikeAYIYA(b.data):
		return tunnelAYIYA
	}
	return noTunnel
}

// udpTunnel opens the tunnel that a UDP packet of a connection may belong to. The packets
// in it belong to flows of their own; those of the connection itself stay.
func (d *dissector) udpTunnel(c *conn, b part, at path) {
	kind := kindOf(c.resp.addr.Port(), b)
	if kind == noTunnel || c.noTunnel&(1<<kind) != 0 {
		return
	}
	if kind == tunnelGRE {
		d.gre(b, &d.packet, at)
		return
	}
	inner, err := at.into(tunnel{kind: kind, conn: c.order})
	if err != nil {
		if kind != tunnelGTP {
			c.addOnce(histLimit, 'X', true)
		}
		return
	}
	switch kind {
	case tunnelVXLAN:
		err = d.vxlan(b, inner)
	case tunnelGeneve:
		err = d.geneve(b, inner)
	case tunnelTeredo:
		err = d.teredo(b, inner)
	case tunnelAYIYA:
		err = d.ayiya(b, inner)
	case tunnelGTP:
		if at.tunnel == nil || at.tunnel.kind != tunnelGTP {
			d.gtp(b, inner)
		}
	}
	if err == errNoTunnel {
		c.noTunnel |= 1 << kind
	}
}
