package capture

// Protocols of PPP.
const (
	pppIPv4 = 0x0021
	pppIPv6 = 0x0057
	pppMPLS = 0x0281
)

// ppp reads PPP, with or without framing as in HDLC.
func (d *dissector) ppp(b part, at path) error {
	if len(b.data) >= 2 && b.data[0] == 0xff && b.data[1] == 0x03 {
		return d.pppSerial(b, at)
	}
	return d.pppProtocol(b, at)
}

// pppSerial reads PPP in frames as in HDLC: address and control come first.
func (d *dissector) pppSerial(b part, at path) error {
	return d.pppProtocol(b.from(2), at)
}

// pppProtocol reads the protocol number of PPP and what follows it.
func (d *dissector) pppProtocol(b part, at path) error {
	if len(b.data) < 2 {
		return b.short()
	}
	switch b.uint16(0) {
	case pppIPv4, pppIPv6:
		return d.ip(b.from(2), at)
	case pppMPLS:
		return d.mpls(b.from(2), at)
	}
	return errNotIP
}

// pppoe reads the header of PPPoE and the PPP in it.
func (d *dissector) pppoe(b part, at path) error {
	if len(b.data) < 8 {
		return b.short()
	}
	length := b.uint16(4)
	return d.pppProtocol(b.from(6).limit(length), at)
}
