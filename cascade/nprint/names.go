package nprint

import (
	"iter"
	"slices"
	"strconv"
)

// Names gives all features of flows of depth packets (0 to MaxDepth) except bits and those
// of conn.log: flow level first, then packet by packet.
func Names(depth int) []string {
	var names []string
	for _, d := range flowSchema {
		names = append(names, d.name)
	}
	return slices.Concat(names, byPacket(depth, fieldNames))
}

// BitNames gives the 1,024 bits of each of depth packets (0 to MaxDepth), packet by packet.
func BitNames(depth int) []string {
	return byPacket(depth, bitNames)
}

func byPacket(depth int, of func(place int) []string) []string {
	var names []string
	for place := 1; place <= depth; place++ {
		names = append(names, of(place)...)
	}
	return names
}

// fieldNames are the compact fields of the packet at a place.
func fieldNames(place int) []string {
	var names []string
	for _, d := range packetSchema {
		names = append(names, prefix(place)+d.name)
	}
	return names
}

// bitNames are the bits of the packet at a place.
func bitNames(place int) []string {
	var names []string
	for _, f := range bitSchema {
		for i := range f.width {
			names = append(names, prefix(place)+f.feature(i))
		}
	}
	return names
}

// Describe gives each feature's name and meaning. Features of a packet come once, as
// p<i>_<name>. The bits of a header field come together, as p<i>_<name>_<first>..<last>.
func Describe() iter.Seq2[string, string] {
	return func(yield func(name, meaning string) bool) {
		for _, d := range slices.Concat(flowSchema[:], connSchema) {
			if !yield(d.name, d.meaning) {
				return
			}
		}
		for _, d := range packetSchema {
			if !yield("p<i>_"+d.name, d.meaning) {
				return
			}
		}
		for _, f := range bitSchema {
			name := "p<i>_" + f.feature(0)
			if f.width > 1 {
				name += ".." + strconv.Itoa(f.width-1)
			}
			if !yield(name, f.meaning) {
				return
			}
		}
	}
}

func prefix(place int) string { return "p" + strconv.Itoa(place) + "_" }
