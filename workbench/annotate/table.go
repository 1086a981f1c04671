package annotate

import (
	"cmp"
	"slices"
	"sort"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Table has the flows of record files. About 200 bytes are kept for each.
type Table struct {
	flows []flow
	byUID map[string]uint32 // the latest flow with the uid
	order []uint32          // flows by ends, then by the time of their first packet
	pairs []uint32          // by originator and responder address, then by that time; nil until asked for

	Foreign int // records of other logs than the Zeek package's and conn.log
	Without int // flows of which only an end record is there; they are not labelled
	Late    int // flows whose first packet is not in the records
}

// NewTable builds an empty table.
func NewTable() *Table { return &Table{byUID: map[string]uint32{}} }

// Take adds a record of the file with this number, from 0. A uid that comes again with another
// 5-tuple is another flow: captures that were read with fixed seeds share uids.
func (t *Table) Take(rec *zeek.Record, file int) {
	if rec.Kind == zeek.Other {
		t.Foreign++
		return
	}
	f := t.flowOf(rec, file)
	if f == nil {
		return
	}
	switch rec.Kind {
	case zeek.Packet:
		f.see(rec.TS, f.packets)
		f.started = f.started || rec.N == 1
	case zeek.Conn:
		f.see(rec.TS, f.packets)
		f.last = max(f.last, rec.TS+max(rec.Conn.Duration, 0))
		f.started, f.over = true, true
		rec.Kind = zeek.Packet // it stands for the flow's packets
	case zeek.End:
		f.last, f.over = max(f.last, rec.TS), true
	}
	f.packets = f.packets || rec.Kind == zeek.Packet
}

// flowOf finds the flow of a record, or begins one; nil for an end record of an unknown flow
// that does not name its sides.
func (t *Table) flowOf(rec *zeek.Record, file int) *flow {
	head, known := t.byUID[string(rec.UID)]
	if !rec.Orig.IsValid() {
		if !known {
			return nil
		}
		return &t.flows[head]
	}
	e, swapped := endsOf(rec.Orig, rec.Resp, rec.Proto)
	if !known {
		head = none
	}
	if i := t.withEnds(head, e); i != none {
		return &t.flows[i]
	}
	f := flow{uid: string(rec.UID), ends: e, ports: [2]uint16{rec.Orig.Port(), rec.Resp.Port()}, first: rec.TS, last: rec.TS,
		next: head, file: uint16(file), swapped: swapped}
	if known {
		f.uid = t.flows[head].uid // one text for both
	}
	t.byUID[f.uid] = uint32(len(t.flows))
	t.flows = append(t.flows, f)
	return &t.flows[len(t.flows)-1]
}

// withEnds is the flow with these ends among those that share a uid, or none.
func (t *Table) withEnds(head uint32, e ends) uint32 {
	for ; head != none && t.flows[head].ends != e; head = t.flows[head].next {
	}
	return head
}

// Close ends the adding of records. The flows can be found from now on.
func (t *Table) Close() {
	t.Without, t.Late = 0, 0
	for i := range t.flows {
		switch f := &t.flows[i]; {
		case !f.packets:
			t.Without++
		case !f.started:
			t.Late++
			fallthrough
		default:
			t.order = append(t.order, uint32(i))
		}
	}
	slices.SortFunc(t.order, func(a, b uint32) int {
		x, y := &t.flows[a], &t.flows[b]
		return cmp.Or(compareEnds(x.ends, y.ends), cmp.Compare(x.first, y.first))
	})
}

// Flows is how many flows can be labelled.
func (t *Table) Flows() int { return len(t.order) }

// between gives the flows with these ends, in the order of their first packets.
func (t *Table) between(e ends) []uint32 {
	from := sort.Search(len(t.order), func(i int) bool { return compareEnds(t.flows[t.order[i]].ends, e) >= 0 })
	n := sort.Search(len(t.order)-from, func(i int) bool { return compareEnds(t.flows[t.order[from+i]].ends, e) > 0 })
	return t.order[from : from+n]
}
