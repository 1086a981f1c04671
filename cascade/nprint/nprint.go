// Package nprint computes the features of a flow, which are the numbers that models read.
// They have names, in the schema serveflow.features/1; FEATURES.md lists them. They come
// from the header bytes of the flow's first packets, and from fields of the packet records
// if bytes are missing. Those of a flow of conn.log come from its record.
//
// All values are whole numbers that a float32 can have. Absent (-1) stands for a value
// that the flow does not have. No content of a header or record is an error.
package nprint

import "github.com/serveflow/serveflow/flow"

// Extractor computes a fixed list of features. Its state does not change, so any number of
// goroutines may use it at once.
type Extractor struct {
	width   int
	depth   int
	flow    []fieldOp
	conn    []fieldOp
	payload bool // a flow-level feature needs every packet's payload length
	packets [MaxDepth]packetPlan
}

// Depth is the highest place of a packet that a feature needs; 0 if none does.
func (e *Extractor) Depth() int { return e.depth }

// Extract writes the flow's features to dst, in the order of the names given to New. dst
// must have room for them. It looks only at the flow's first depth packets, at most
// MaxDepth; features of other packets are absent. It does not allocate.
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

// packet writes one packet's features. It parses the header once, and not at all if no
// feature needs it.
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

// fieldOp writes the value with the number field to dst[at].
type fieldOp struct {
	at    int32
	field int32
}

func write(dst []float32, ops []fieldOp, values []int32) {
	for _, op := range ops {
		dst[op.at] = float32(values[op.field])
	}
}

// fill sets all of dst to value. It copies the part that is set already, because copying is
// fastest.
func fill(dst []float32, value float32) {
	if len(dst) == 0 {
		return
	}
	dst[0] = value
	for n := 1; n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}
