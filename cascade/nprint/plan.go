package nprint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/serveflow/serveflow/internal/nearest"
)

// packetPlan has the features of one packet that are computed.
type packetPlan struct {
	used    bool
	options bool // some field needs the TCP options
	fields  []fieldOp
	bits    [regions][]bitOp // in the order of octets
}

// feature says where a value comes from: a flow-level field, a field of conn.log, a packet's
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
	ofConn
	ofPacket
	ofBit
)

// New makes an extractor of these features, in the order of the columns. It fails for a name
// that the schema does not have, with the most similar one in the error, and for a name
// that occurs twice.
func New(names []string) (*Extractor, error) {
	e := &Extractor{width: len(names)}
	known := catalogue()
	first := make(map[string]int, len(names))
	for at, name := range names {
		if before, twice := first[name]; twice {
			return nil, fmt.Errorf("nprint: feature %q is listed twice, as number %d and %d: list it once", name, before+1, at+1)
		}
		first[name] = at
		place, stem := split(name)
		ft, ok := known[stem]
		if !ok || (place == 0) != (ft.kind <= ofConn) {
			return nil, unknown(name)
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

// add adds a feature to the plan of its packet. At place 0 it is a feature of the flow, or
// of its record of conn.log.
func (e *Extractor) add(place int, ft feature, at int32) {
	op := fieldOp{at, int32(ft.field)}
	if ft.kind == ofFlow {
		e.flow = append(e.flow, op)
		e.payload = e.payload || ft.field >= origPayload && ft.field <= respPayloadMax
		return
	}
	if ft.kind == ofConn {
		e.conn = append(e.conn, op)
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
	for i, d := range connSchema {
		known[d.name] = feature{kind: ofConn, field: i}
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

// split cuts the packet's prefix off a name. place is 0 if there is none.
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

// unknown is the error for a name that the schema does not have. It suggests a feature of the
// same packet, or of the first one if the name has no packet.
func unknown(name string) error {
	place, _ := split(name)
	place = max(place, 1)
	known := slices.Concat(Names(0), fieldNames(place), bitNames(place), ConnNames())
	suggestion := nearest.To(name[:min(len(name), 64)], known) // none is longer
	return fmt.Errorf("nprint: unknown feature %.80q in schema %s (packets are p1_ to p%d_): the nearest is %q",
		name, Schema, MaxDepth, suggestion)
}
