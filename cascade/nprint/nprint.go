// Package nprint turns a flow's first packets into the numbers that models read:
// named features of schema serveflow.features/1 (FEATURES.md lists them), from the
// packets' header bytes, and from the records' own fields where bytes are missing;
// or from a flow's record of conn.log.
//
// All values are whole numbers, exact in a float32; Absent (-1) is a value that
// the flow does not have. No header or record is an error, whatever is in it.
package nprint

import "github.com/serveflow/serveflow/flow"

// Extractor computes a fixed list of features, and only those. It has no state
// that changes: any number of goroutines may use one.
type Extractor struct {
	width   int
	depth   int
	flow    []fieldOp
	conn    []fieldOp
	payload bool // flow level needs every packet's payload length
	packets [MaxDepth]packetPlan
}

// Depth is the highest place of a packet that is named; 0 where none is.
func (e *Extractor) Depth() int { return e.depth }

// Extract writes the flow's features to dst, one a name in the order of New; dst
// must have room for them. It looks at the flow's first depth packets only,
// MaxDepth at most: those beyond count as not there. It does not allocate.
func (e *Extractor) Extract(dst []float32, f *flow.Flow, depth int) {
	dst = dst[:e.width]
	fill(dst, Absent)
	if len(e.flow) == 0 {
		depth = min(depth, e.depth)
	}
	looked := f.Packets(min(max(depth, 0), MaxDepth))
	var sum summary
	for i := range looked {
		if p := &looked[i]; p.Present {
			gap := sum.add(p)
			e.packet(dst, &e.packets[i], f, p, gap, &sum)
		}
	}
	if len(e.flow) > 0 {
		values := sum.values(f)
		write(dst, e.flow, values[:])
	}
	if c := f.Conn(); c != nil && len(e.conn) > 0 {
		var v connValues
		v.read(c)
		write(dst, e.conn, v[:])
	}
}

// packet writes one packet's features. Its header is parsed once, and not at all
// where nothing of it is named.
func (e *Extractor) packet(dst []float32, plan *packetPlan, f *flow.Flow, p *flow.Packet, gap int32, sum *summary) {
	if !plan.used && !e.payload {
		return
	}
	h := locate(f.Header(p))
	if len(plan.fields) > 0 || e.payload {
		var v fields
		v.read(p, &h, plan.options)
		v[dir], v[logGap] = oneIf(p.FromOrig), gap
		write(dst, plan.fields, v[:])
		sum.addPayload(v[dir], v[payloadLen])
	}
	for region, ops := range &plan.bits {
		if len(ops) > 0 {
			readBits(dst, ops, h.region(region))
		}
	}
}

// fieldOp writes one value of a list to dst[at].
type fieldOp struct {
	at    int32
	field int32
}

func write(dst []float32, ops []fieldOp, values []int32) {
	for _, op := range ops {
		dst[op.at] = float32(values[op.field])
	}
}

// fill sets all of dst, doubling what is set: copying is the fastest way.
func fill(dst []float32, value float32) {
	if len(dst) == 0 {
		return
	}
	dst[0] = value
	for n := 1; n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}
