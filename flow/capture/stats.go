package capture

import (
	"fmt"
	"strings"
)

// Stats counts what a conversion found. Packets is the sum of LeftOut and of the packets
// that belong to a flow. A packet in a tunnel over UDP belongs to two, and counts once.
type Stats struct {
	Packets int // read from the capture
	Flows   int // opened
	Records int // packet records emitted
	Ends    int // end records emitted
	Silent  int // flows without an end record, because they had no packet record
	Evicted int // flows that ended early because of MaxFlows
	LeftOut LeftOut
}

// LeftOut counts the packets that belong to no flow, by reason.
type LeftOut struct {
	NotIP     int `json:"not_ip"`                // ARP and the like
	BadTime   int `json:"bad_time"`              // before 1970, or later than a record can have
	Unknown   int `json:"unknown_encapsulation"` // or a link type, or an interface that the capture does not describe
	Cut       int `json:"cut"`                   // inside a header; Zeek leaves these out, too
	Fragment  int `json:"fragment"`              // all of a datagram but the one that came last
	Malformed int `json:"malformed"`             // their lengths contradict each other
	NoFlow    int `json:"no_flow"`               // of protocols without flows: IGMP ...
}

// count counts why a packet belongs to no flow.
func (l *LeftOut) count(err error) {
	switch err {
	case errNotIP:
		l.NotIP++
	case errUnknown, ErrLinkType:
		l.Unknown++
	case errCutHeader:
		l.Cut++
	case errFragment:
		l.Fragment++
	case errMalformed:
		l.Malformed++
	case errNoFlow:
		l.NoFlow++
	}
}

// reasons lists the counts with the words for them.
func (l *LeftOut) reasons() []reason {
	return []reason{
		{&l.NotIP, "not IP"}, {&l.BadTime, "with a bad time"}, {&l.Unknown, "of an unknown link type or encapsulation"},
		{&l.Cut, "cut inside a header"}, {&l.Fragment, "in a fragment before the last"}, {&l.Malformed, "malformed"},
		{&l.NoFlow, "of a protocol without flows"},
	}
}

type reason struct {
	count *int
	words string
}

// Total is the number of packets that were left out.
func (l LeftOut) Total() (n int) {
	for _, r := range l.reasons() {
		n += *r.count
	}
	return n
}

// String lists the reasons with their counts, those that occurred: "2 not IP, 1 malformed".
func (l LeftOut) String() string {
	var words []string
	for _, r := range l.reasons() {
		if *r.count > 0 {
			words = append(words, fmt.Sprintf("%d %s", *r.count, r.words))
		}
	}
	return strings.Join(words, ", ")
}

// Add adds the counts of another capture.
func (l *LeftOut) Add(more LeftOut) {
	sums := l.reasons()
	for i, r := range more.reasons() {
		*sums[i].count += *r.count
	}
}
