package nprint

import "math/bits"

// eighths are 2^63 * 2^(j/8), rounded up, for j from 1 to 7.
var eighths = [...]uint64{
	0x8b95c1e3ea8bd6e7, 0x9837f0518db8a970, 0xa5fed6a9b15138eb, 0xb504f333f9de6485,
	0xc5672a115506dade, 0xd744fccad69d6af5, 0xeac0c6e7dd24392f,
}

// logTime gives floor(8 log2(1 + to - from)), and 0 if to is before from. It uses only whole
// numbers, so the result is the same on every machine.
func logTime(from, to int64) int32 {
	if to <= from {
		return 0
	}
	x := uint64(to) - uint64(from)
	if x++; x == 0 {
		x-- // the longest time that is possible
	}
	octave := bits.Len64(x) - 1
	mantissa := x << (63 - octave)
	log := int32(octave) * 8
	for _, e := range eighths {
		if mantissa < e {
			break
		}
		log++
	}
	return log
}
