package capture

// Flags of GRE, and what it carries besides ethertypes.
const (
	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSequence = 0x1000
	greAck      = 0x0080
	greReserved = 0x0078
	greVersion  = 0x0007

	grePPP     = 0x880b // PPTP
	greERSPAN  = 0x88be // types I and II
	greERSPAN3 = 0x22eb
)

// gre reads GRE of version 0, and of version 1 with PPP, in a packet.
func (d *dissector) gre(b part, p *packet, at path) error {
	at, err := at.intoIP(p)
	if err != nil {
		return err
	}
	if len(b.data) < 4 {
		return b.short()
	}
	flags, kind := b.uint16(0), b.uint16(2)
	if flags&(greRouting|greReserved) != 0 || flags&greVersion > 1 {
		return errUnknown
	}
	header := 4
	for _, field := range []int{greChecksum, greKey, greSequence, greAck} {
		if flags&field != 0 {
			header += 4
		}
	}
	b = b.from(header)
	if flags&greVersion == 1 {
		return d.pptp(kind, b, at)
	}
	switch {
	case kind == etherIPv4, kind == etherIPv6:
		return d.ip(b, at)
	case kind == etherARP:
		return errNotIP
	case kind == etherBridged:
		return d.ethernet(b, at)
	case kind == greERSPAN:
		if flags&greSequence != 0 { // type II
			b = b.from(8)
		}
		return d.ethernet(b, at)
	case kind == greERSPAN3:
		return d.erspan3(b, at)
	case kind&0x820f == 0x8200, kind == 0x9000: // Aruba's
		return d.wifi(b, at)
	}
	return d.greOther(kind, b, at)
}

// greOther reads what else GRE may carry: any ethertype, or, as Zeek takes it, an IP
// packet.
func (d *dissector) greOther(kind int, b part, at path) error {
	err := d.ethertype(kind, b, at)
	if err != errNotIP || kind == grePPP || len(b.data) == 0 {
		return err
	}
	if err = d.ip(b, at); err == errNotIP {
		err = errUnknown
	}
	return err
}

// pptp reads GRE of version 1: PPP, in frames as in HDLC, and in it an IP packet.
func (d *dissector) pptp(kind int, b part, at path) error {
	if kind != grePPP {
		return errUnknown
	}
	if len(b.data) < 4 {
		return b.short()
	}
	inner := b.from(4)
	switch b.uint16(2) {
	case pppIPv4:
		if err := fills(inner, protoIPv4); err != nil {
			return err
		}
	case pppIPv6:
		if err := fills(inner, protoIPv6); err != nil {
			return err
		}
	default:
		return errNotIP
	}
	return d.ip(inner, at)
}

// erspan3 skips the header of ERSPAN type III.
func (d *dissector) erspan3(b part, at path) error {
	header := 12
	if len(b.data) < header {
		return b.short()
	}
	if b.data[header-1]&1 != 0 { // with the header of the platform
		header += 8
	}
	return d.ethernet(b.from(header), at)
}
