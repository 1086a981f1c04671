// Package truth finds the known label of each flow.
//
// A labels file names flows by their addresses, ports, protocol and first packet's time, or by
// Zeek's uid. Zeek may begin a flow with a later packet than whoever labelled it, and may go on
// with it in further connections: Flows finds the connection that stands for each known flow.
package truth

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Window is how long after its first packet a connection may begin and still be of a known flow,
// in microseconds: flows are split after so much silence.
const Window = 120_000_000

// Known is one labelled flow.
type Known struct {
	UID     string // Zeek's; the flow is then found by that alone. Empty: by Ends and First
	Ends    Ends
	First   int64 // its first packet, microseconds since the Unix epoch
	Label   string
	Capture string // of which it is a part
}

// Ends is a 5-tuple without direction: who sent first is left open.
type Ends struct {
	A, B  netip.AddrPort // A is the lesser
	Proto string         // as Zeek writes it: tcp, udp, icmp
}

// NewEnds gives the ends of a flow. A protocol may be a number, as text.
func NewEnds(a, b netip.AddrPort, proto string) Ends {
	if b.Compare(a) < 0 {
		a, b = b, a
	}
	return Ends{A: a, B: b, Proto: protocol(proto)}
}

// protocol is the name of a protocol.
func protocol(text string) string {
	switch text {
	case "1", "58":
		return "icmp"
	case "6":
		return "tcp"
	case "17":
		return "udp"
	}
	return strings.ToLower(text)
}

// Connection is what Zeek made of a flow, or of a part of one.
type Connection struct {
	UID   string
	Ends  Ends
	First int64 // its first packet that Zeek saw, microseconds since the Unix epoch
}

// Flows are known flows, to be found by the connections that Zeek makes of them.
type Flows struct {
	All    []Known
	byEnds map[Ends][]int // places in All, by the time of the first packet
	byUID  map[string]int
}

// NewFlows makes the known flows ready to be found.
func NewFlows(all []Known) *Flows {
	f := &Flows{All: all, byEnds: map[Ends][]int{}, byUID: map[string]int{}}
	for i := range all {
		if uid := all[i].UID; uid != "" {
			f.byUID[uid] = i
			continue
		}
		f.byEnds[all[i].Ends] = append(f.byEnds[all[i].Ends], i)
	}
	for _, places := range f.byEnds {
		slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(all[a].First, all[b].First) })
	}
	return f
}

// Owner is the place in All of the known flow that a connection belongs to; -1 if there is none.
func (f *Flows) Owner(c Connection) int {
	if i, ok := f.byUID[c.UID]; ok && c.UID != "" {
		return i
	}
	places := f.byEnds[c.Ends]
	// The first one behind the connection.
	at, _ := slices.BinarySearchFunc(places, c.First+1, func(i int, ts int64) int { return cmp.Compare(f.All[i].First, ts) })
	if at == 0 || c.First-f.All[places[at-1]].First >= Window {
		return -1
	}
	return places[at-1]
}

// Match gives, for each known flow, the place of its first connection; -1 if it has none.
func (f *Flows) Match(connections []Connection) []int {
	first := slices.Repeat([]int{-1}, len(f.All))
	for i, c := range connections {
		if k := f.Owner(c); k >= 0 && (first[k] < 0 || c.First < connections[first[k]].First) {
			first[k] = i
		}
	}
	return first
}

// Captures are the names of the captures, sorted.
func (f *Flows) Captures() []string {
	names := make([]string, len(f.All))
	for i := range f.All {
		names[i] = f.All[i].Capture
	}
	slices.Sort(names)
	return slices.Compact(names)
}
