package shadow

import (
	"crypto/sha256"
	"encoding/binary"
)

// Share is the part of all flows that a shadow is asked about, from 0 to 1.
type Share float64

// Has reports whether the flow of this uid is in the share. It is if the first 53 bits of the
// uid's SHA-256, as a fraction from 0 to 1, are below it. So every member chooses the same
// flows, whoever reads labels can tell which they are, and a larger share has all flows of a
// smaller one.
func (s Share) Has(uid string) bool {
	var room [64]byte // longer uids are rare
	sum := sha256.Sum256(append(room[:0], uid...))
	return float64(binary.BigEndian.Uint64(sum[:])>>11)/(1<<53) < float64(s)
}
