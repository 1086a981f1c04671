package capture

// gtp reads GTP version 1 as it carries users' packets.
func (d *dissector) gtp(b part, at path) error {
	if len(b.data) < 8 {
		return b.short()
	}
	const userData = 255
	flags := b.data[0]
	if flags>>5 != 1 || flags&0x10 == 0 || b.data[1] != userData {
		return errNotIP
	}
	header := 8
	if flags&7 != 0 { // sequence number, N-PDU number and the next header's type
		header += 4
	}
	b = b.from(header)
	if flags&4 != 0 {
		var ok bool
		if b, ok = gtpExtensions(b); !ok {
			return b.short()
		}
	}
	if len(b.data) < 20 {
		return b.short()
	}
	proto := uint8(protoIPv4)
	if b.data[0]>>4 == 6 {
		proto = protoIPv6
	}
	if err := fills(b, proto); err != nil {
		return err
	}
	return d.ip(b, at)
}

// gtpExtensions skips the extension headers. Each has its length in words in the first
// byte, and the type of the next one in the last. There is at least one.
func gtpExtensions(b part) (part, bool) {
	for {
		if len(b.data) < 1 {
			return b, false
		}
		size := int(b.data[0]) * 4
		if size == 0 || size > len(b.data) {
			return b, false
		}
		last := b.data[size-1] == 0
		if b = b.from(size); last {
			return b, true
		}
	}
}
