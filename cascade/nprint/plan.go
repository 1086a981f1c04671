package nprint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// packetPlan is what is named of one packet.
type packetPlan struct {
	used    bool
	options bool // TCP options are
	fields  []fieldOp
	bits    [regions][]bitOp // in the order of octets
}

// feature is where a name's value comes from: a flow-level field, a packet's
// field, or a bit of a packet's header.
type feature struct {
	kind   featureKind
	field  int
	region int
	bit    int // of the region
}

type featureKind uint8

const (
	ofFlow featureKind = iota
	ofPacket
	ofBit
)

// New compiles a list of feature names, in the order of the columns. It fails on a
// name that the schema does not have, telling the nearest that it has, and on a
// name that is there twice.
func New(names []string) (*Extractor, error) {
	e := &Extractor{width: len(names)}
	known := catalogue()
	first := make(map[string]int, len(names))
	for at, name := range names {
		if before, twice := first[name]; twice {
			return nil, fmt.Errorf("nprint: feature %q is named twice, as number %d and %d: name it once", name, before+1, at+1)
		}
		first[name] = at
		place, stem := split(name)
		ft, ok := known[stem]
		if !ok || (place == 0) != (ft.kind == ofFlow) {
			return nil, fmt.Errorf("nprint: unknown feature %.80q in schema %s: the nearest is %q", name, Schema, nearest(name, known))
		}
		e.add(place, ft, int32(at))
	}
	for i := range e.packets {
		for _, ops := range e.packets[i].bits {
			slices.SortFunc(ops, func(a, b bitOp) int { return cmp.Compare(a.octet, b.octet) })
		}
	}
	return e, nil
}

// add puts a feature into the plan of its packet, or of the flow at place 0.
func (e *Extractor) add(place int, ft feature, at int32) {
	op := fieldOp{at, int32(ft.field)}
	if ft.kind == ofFlow {
		e.flow = append(e.flow, op)
		e.payload = e.payload || ft.field >= origPayload && ft.field <= respPayloadMax
		return
	}
	e.depth = max(e.depth, place)
	plan := &e.packets[place-1]
	plan.used = true
	if ft.kind == ofPacket {
		plan.fields = append(plan.fields, op)
		plan.options = plan.options || ft.field >= tcpMSS && ft.field <= tcpSACKs
		return
	}
	bit := bitOp{at, uint8(ft.bit / 8), uint8(7 - ft.bit%8)}
	plan.bits[ft.region] = append(plan.bits[ft.region], bit)
}

// catalogue maps every name, without a packet's prefix, to its feature.
func catalogue() map[string]feature {
	known := make(map[string]feature, 1100)
	for i, d := range flowSchema {
		known[d.name] = feature{kind: ofFlow, field: i}
	}
	for i, d := range packetSchema {
		known[d.name] = feature{kind: ofPacket, field: i}
	}
	var next [regions]int
	for _, f := range bitSchema {
		for i := range f.width {
			known[f.feature(i)] = feature{kind: ofBit, region: f.region, bit: next[f.region]}
			next[f.region]++
		}
	}
	return known
}

// split cuts the packet's prefix off a name; place 0 where there is none.
func split(name string) (place int, stem string) {
	p, stem, ok := strings.Cut(name, "_")
	if !ok || !strings.HasPrefix(p, "p") {
		return 0, name
	}
	place, err := strconv.Atoi(p[1:])
	if err != nil || place < 1 || place > MaxDepth || p+"_" != prefix(place) {
		return 0, name
	}
	return place, stem
}

// nearest is the name in the schema that is fewest letters away from an unknown
// one; of a packet the same place, or the first where the name has none.
func nearest(name string, known map[string]feature) string {
	name = name[:min(len(name), 64)] // longer than any in the schema
	place, _ := split(name)
	best, least := "", 0
	for stem, ft := range known {
		candidate := stem
		if ft.kind != ofFlow {
			candidate = prefix(max(place, 1)) + stem
		}
		d := distance(name, candidate)
		if best == "" || d < least || d == least && candidate < best {
			best, least = candidate, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace to make a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
