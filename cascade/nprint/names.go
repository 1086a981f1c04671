package nprint

import (
	"iter"
	"strconv"
)

// Names gives all features but bits for flows of depth packets (0 to MaxDepth):
// flow level first, then packet by packet.
func Names(depth int) []string {
	names := make([]string, 0, flowFields+max(depth, 0)*packetFields)
	for _, d := range flowSchema {
		names = append(names, d.name)
	}
	for place := 1; place <= depth; place++ {
		for _, d := range packetSchema {
			names = append(names, prefix(place)+d.name)
		}
	}
	return names
}

// BitNames gives the 1,024 bits of each of depth packets (0 to MaxDepth), packet by packet.
func BitNames(depth int) []string {
	var names []string
	for place := 1; place <= depth; place++ {
		for _, f := range bitSchema {
			for i := range f.width {
				names = append(names, prefix(place)+f.feature(i))
			}
		}
	}
	return names
}

// Describe gives each feature's name and meaning. Those of a packet are given
// once, as p<i>_...; bits of one header field together, as p<i>_..._<first>..<last>.
func Describe() iter.Seq2[string, string] {
	return func(yield func(name, meaning string) bool) {
		for _, d := range flowSchema {
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
			if !yield("p<i>_"+f.name+"_0.."+strconv.Itoa(f.width-1), f.meaning) {
				return
			}
		}
	}
}

func prefix(place int) string { return "p" + strconv.Itoa(place) + "_" }
