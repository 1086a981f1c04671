package capture

// Ethertypes.
const (
	etherIPv4       = 0x0800
	etherARP        = 0x0806
	etherBridged    = 0x6558 // Ethernet in a tunnel
	etherVLAN       = 0x8100
	etherIPv6       = 0x86dd
	etherMPLS       = 0x8847
	etherMPLSMulti  = 0x8848
	etherPPPoE      = 0x8864
	etherService    = 0x88a8 // the outer tag of 802.1ad
	etherPBB        = 0x88e7
	etherFabricPath = 0x8903
	etherVNTag      = 0x8926
	etherQinQ       = 0x9100
)

// ethernet reads an Ethernet header, with Cisco's FabricPath in front if it is there.
func (d *dissector) ethernet(b part, at path) error {
	if len(b.data) < 14 {
		return b.short()
	}
	if b.uint16(12) == etherFabricPath {
		if b = b.from(16); len(b.data) < 14 {
			return b.short()
		}
	}
	return d.typeOrLength(b.uint16(12), b.from(14), at)
}

// typeOrLength reads what follows a field that is an ethertype or, in 802.3, a length.
func (d *dissector) typeOrLength(field int, b part, at path) error {
	switch {
	case field >= 1536:
		return d.ethertype(field, b, at)
	case field > 1500:
		return errNotIP
	case len(b.data) < 2:
		return b.short()
	}
	b = b.limit(field)
	if len(b.data) >= 2 && b.data[0] == 0xaa && b.data[1] == 0xaa {
		return d.snap(b, at)
	}
	return errNotIP // 802.2 without SNAP, as spanning tree has it, or Novell's IPX
}

// snap reads an 802.2 header with SNAP.
func (d *dissector) snap(b part, at path) error {
	if len(b.data) < 3 {
		return b.short()
	}
	header := 3
	if b.data[2]&3 != 3 { // not an unnumbered frame
		header = 4
	}
	if len(b.data) < header+5 {
		return b.short()
	}
	if organization := b.data[header : header+3]; organization[0]|organization[1]|organization[2] != 0 {
		return errNotIP
	}
	return d.ethertype(b.uint16(header+3), b.from(header+5), at)
}

// ethertype reads what an ethertype announces.
func (d *dissector) ethertype(kind int, b part, at path) error {
	at, err := at.deeper()
	if err != nil {
		return err
	}
	switch kind {
	case etherIPv4, etherIPv6:
		return d.ip(b, at)
	case etherVLAN, etherService, etherQinQ: // there may be several
		if len(b.data) < 4 {
			return b.short()
		}
		return d.typeOrLength(b.uint16(2), b.from(4), at)
	case etherMPLS, etherMPLSMulti:
		return d.mpls(b, at)
	case etherPPPoE:
		return d.pppoe(b, at)
	case etherPBB: // 802.1ah: 4 bytes, and the customer's frame
		if len(b.data) < 4 {
			return b.short()
		}
		return d.ethernet(b.from(4), at)
	case etherVNTag:
		if len(b.data) < 6 {
			return b.short()
		}
		return d.ethertype(b.uint16(4), b.from(6), at)
	}
	return errNotIP
}

// mpls skips the labels. MPLS does not say what it carries, so the IP version decides.
func (d *dissector) mpls(b part, at path) error {
	for len(b.data) >= 4 {
		bottom := b.data[2]&1 != 0
		if b = b.from(4); bottom {
			return d.ip(b, at)
		}
	}
	return b.short()
}
