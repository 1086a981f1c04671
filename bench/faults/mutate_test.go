package faults

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
)

// mutateTrees changes one thing in a LightGBM text. Mostly that is a number, which gets furthest
// into the loader; otherwise a line, some bytes, or the end.
func mutateTrees(rng *rand.Rand, good []byte) []byte {
	switch rng.IntN(10) {
	case 0:
		return mutateBytes(rng, good)
	case 1: // duplicate or remove a line
		lines := bytes.SplitAfter(good, []byte("\n"))
		at := rng.IntN(len(lines))
		return slices.Concat(bytes.Join(lines[:at], nil), bytes.Repeat(lines[at], 2*rng.IntN(2)), bytes.Join(lines[at+1:], nil))
	}
	at := rng.IntN(len(good))
	for good[at] < '0' || good[at] > '9' {
		at = rng.IntN(len(good))
	}
	start, end := at, at
	for start > 0 && bytes.IndexByte([]byte("+-.e0123456789"), good[start-1]) >= 0 {
		start--
	}
	for end < len(good) && bytes.IndexByte([]byte("+-.e0123456789"), good[end]) >= 0 {
		end++
	}
	if rng.IntN(2) == 0 { // change one digit
		bad := bytes.Clone(good)
		bad[at] = byte('0' + rng.IntN(10))
		return bad
	}
	return splice(good, start, end, []byte(oddNumbers[rng.IntN(len(oddNumbers))]))
}

var oddNumbers = []string{"0", "-1", "1", "7", "2000000000", "2147483648", "-2147483649", "99999999999999999999",
	"NaN", "inf", "-inf", "1e308", "1e999", "4.9e-324", "", "0x10", "1_000", " ", "١"}

// mutateONNX changes one thing in a model's protobuf. Mostly that is a number, in place, so that
// the rest stays valid; otherwise a length, some bytes, or the end.
func mutateONNX(rng *rand.Rand, good []byte) []byte {
	if rng.IntN(6) == 0 {
		return mutateBytes(rng, good)
	}
	leaves := protoLeaves(good)
	for {
		f := leaves[rng.IntN(len(leaves))]
		switch {
		case f.wire == 0:
			return putVarint(rng, good, f)
		case f.wire == 5:
			bad := bytes.Clone(good)
			binary.LittleEndian.PutUint32(bad[f.at:], math.Float32bits(oddFloats[rng.IntN(len(oddFloats))]))
			return bad
		case f.wire == 2 && f.end > f.at && rng.IntN(3) > 0: // a text, or packed numbers
			bad := bytes.Clone(good)
			for range 1 + rng.IntN(3) {
				bad[f.at+rng.IntN(f.end-f.at)] = byte(rng.IntN(256))
			}
			return bad
		case f.wire == 2: // a wrong length
			bad := bytes.Clone(good)
			bad[f.at-1] ^= byte(1 << rng.IntN(8))
			return bad
		}
	}
}

var oddFloats = []float32{0, -1, 1e-45, math.MaxFloat32, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 16777216}

// putVarint replaces a number by another of the same length, so that all enclosing lengths stay
// right: a small one, the largest, or a negative one.
func putVarint(rng *rand.Rand, good []byte, f protoField) []byte {
	bad := bytes.Clone(good)
	for i := f.at; i < f.end; i++ {
		switch more := byte(0x80); {
		case i == f.end-1:
			bad[i] = byte(rng.IntN(128))
		case rng.IntN(2) == 0:
			bad[i] = more | byte(rng.IntN(128))
		default:
			bad[i] = more | 0x7f
		}
	}
	return bad
}

// mutateBytes changes bytes without regard to the format.
func mutateBytes(rng *rand.Rand, good []byte) []byte {
	at := rng.IntN(len(good))
	switch rng.IntN(4) {
	case 0:
		return bytes.Clone(good[:at])
	case 1:
		return splice(good, at, at, []byte(strconv.Itoa(rng.IntN(1<<30))))
	case 2:
		return splice(good, at, min(len(good), at+1+rng.IntN(64)), nil)
	}
	bad := bytes.Clone(good)
	for range 1 + rng.IntN(8) {
		bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
	}
	return bad
}

func splice(good []byte, start, end int, by []byte) []byte {
	return append(append(bytes.Clone(good[:start]), by...), good[end:]...)
}

// protoField is a field without nested fields: its wire type, and where its value is.
type protoField struct{ wire, at, end int }

// protoLeaves finds a model's fields at all depths. A byte field that parses as a message counts
// as one; sometimes a text does, which does no harm here.
func protoLeaves(data []byte) []protoField {
	var leaves []protoField
	protoWalk(data, 0, 0, &leaves)
	return leaves
}

func protoWalk(data []byte, at, depth int, leaves *[]protoField) bool {
	var found []protoField
	for i := 0; i < len(data); {
		tag, n := binary.Uvarint(data[i:])
		if n <= 0 || tag>>3 == 0 || tag>>3 > 100 {
			return false
		}
		i += n
		start, wire := i, int(tag&7)
		switch wire {
		case 0:
			_, n = binary.Uvarint(data[i:])
		case 1:
			n = 8
		case 5:
			n = 4
		case 2:
			size, used := binary.Uvarint(data[i:])
			if used <= 0 || size > uint64(len(data)) {
				return false
			}
			start, n = i+used, used+int(size)
		default:
			return false
		}
		if n <= 0 || i+n > len(data) {
			return false
		}
		i += n
		if wire == 2 && depth < 12 && protoWalk(data[start:i], at+start, depth+1, &found) && i > start {
			continue
		}
		found = append(found, protoField{wire, at + start, at + i})
	}
	*leaves = append(*leaves, found...)
	return true
}
