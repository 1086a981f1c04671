package capture

import "encoding/binary"

// part is what lies in a frame from some header on.
type part struct {
	data     []byte // at hand
	captured int    // bytes that the capture has; more than data if the part lies in a reassembled datagram
	wire     int    // bytes on the wire
}

// from returns what lies after the first n bytes.
func (b part) from(n int) part {
	return part{b.data[min(n, len(b.data)):], max(b.captured-n, 0), max(b.wire-n, 0)}
}

// limit removes what lies after the first n bytes, such as the padding of a frame. The
// length on the wire stays: a length field that is too small looks like a cut capture.
func (b part) limit(n int) part {
	return part{b.data[:min(n, len(b.data))], min(n, b.captured), b.wire}
}

// short is the error of a part that is too short for its header.
func (b part) short() error {
	if b.captured < b.wire {
		return errCutHeader
	}
	return errMalformed
}

// uint16 is the number at an offset that b must have, in network order.
func (b part) uint16(at int) int { return int(binary.BigEndian.Uint16(b.data[at:])) }
