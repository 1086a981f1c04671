package capture

import "encoding/binary"

// radiotap skips the header in front of an 802.11 frame.
func (d *dissector) radiotap(b part, at path) error {
	if len(b.data) < 4 {
		return b.short()
	}
	header := int(binary.LittleEndian.Uint16(b.data[2:]))
	if header >= len(b.data) {
		return b.short()
	}
	return d.wifi(b.from(header), at)
}

// wifi reads an 802.11 frame. Only data frames that are not encrypted have IP packets.
func (d *dissector) wifi(b part, at path) error {
	header := 24
	if len(b.data) <= header {
		return b.short()
	}
	control, flags := b.data[0], b.data[1]
	if control>>2&2 == 0 || control>>4&4 != 0 {
		return errNotIP // management or control, or a data frame without data
	}
	if flags&3 == 3 { // between two access points: a fourth address
		header += 6
	}
	aggregated := false
	if control>>4&8 != 0 { // with quality of service
		if len(b.data) <= header {
			return b.short()
		}
		if aggregated = b.data[header]&0x80 != 0; flags&0x40 != 0 {
			return errNotIP // encrypted
		}
		header += 2
	}
	if len(b.data) <= header {
		return b.short()
	}
	if b = b.from(header); aggregated {
		return d.wifiAggregate(b, at)
	}
	return d.wifiData(b, at)
}

// wifiAggregate reads the frames of an A-MSDU. It returns nil if one of them had a packet
// that belongs to a flow, and otherwise why the last one did not.
func (d *dissector) wifiAggregate(b part, at path) error {
	const header = 14
	result := errNotIP
	for len(b.data) > 0 {
		size := 0
		if len(b.data) >= header {
			size = b.uint16(12)
		}
		if size == 0 || header+size > b.wire {
			if result != nil {
				result = b.short()
			}
			return result
		}
		inner := b.from(header)
		inner.wire = size
		if err := d.wifiData(inner.limit(size), at); result != nil {
			result = err
		}
		b = b.from((header + size + 3) &^ 3)
	}
	return result
}

// wifiData reads what an 802.11 data frame carries: 802.2 with SNAP, and no organization.
func (d *dissector) wifiData(b part, at path) error {
	if len(b.data) < 8 {
		return b.short()
	}
	if [6]byte(b.data) != [6]byte{0xaa, 0xaa, 3} {
		return errNotIP
	}
	return d.ethertype(b.uint16(6), b.from(8), at)
}
