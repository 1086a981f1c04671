package faults

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/segmentio/kafka-go"
)

// seenFlow is what was seen of one flow.
type seenFlow struct {
	id, hash uint64 // of the first final label
	early    uint64 // id of the first provisional label
	finals   uint16
	behind   bool // a provisional label came behind the last final one
	wanted   bool // that label is replay's
	said     bool // it says itself that it depends on more than the flow's records
}

// short is a flow that was ended by a clock, other than by replay: the producer may
// learn only later that it had fallen silent.
type short struct {
	flow       int
	difference string
}

// mayBeSilent is for how long a flow's packets may stay away before a clock ends it:
// SERVEFLOW_FLOW_IDLE and SERVEFLOW_LATENESS, in milliseconds.
const mayBeSilent = 3000

// label takes a label record.
func (v *verifier) label(r *kafka.Record) {
	value, _ := kafka.ReadAll(r.Value)
	l, err := parseLabel(value)
	if err != nil {
		v.complain(&v.tally.unknown, "%v", err)
		return
	}
	if v.foreign != nil && v.foreign(l.UID) {
		return
	}
	flow, known := v.sent.flow(l.UID)
	if key, _ := kafka.ReadAll(r.Key); string(key) != l.UID {
		v.complain(&v.tally.unknown, "a label of %s has the key %q", l.UID, key)
	}
	if !known {
		v.complain(&v.tally.unknown, "a label of %s, which was not sent", l.UID)
		return
	}
	for len(v.flows) <= flow {
		v.flows = append(v.flows, seenFlow{})
		v.unlabeled++
	}
	v.take(&l, flow)
}

// take compares a label with what the flow's template got, and with the flow's first.
func (v *verifier) take(l *label, flow int) {
	f, sent := &v.flows[flow], v.sent.get(flow)
	want := v.templates[sent.template].want
	if !l.Final {
		v.provisional(l, f, want.Seq)
		return
	}
	f.behind = false
	wanted := l.is(want, sent.start)
	hash := hashOf(fmt.Sprintf("%+v", l.steady()))
	if f.finals++; f.finals > 1 {
		v.tally.duplicates++
		same := hash == f.hash || wanted && f.wanted
		switch said := l.exception() || f.said; {
		case said && !same && hashOf(l.ID) == f.id:
			v.tally.otherwise++
		case !same || hashOf(l.ID) != f.id:
			v.complain(&v.tally.unequal, "%s is labelled twice, differently: %s", l.UID, l.difference(want, sent.start))
		}
		return
	}
	v.unlabeled--
	f.id, f.hash, f.wanted, f.said = hashOf(l.ID), hash, wanted, l.exception() || !wanted && l.Reason == "timeout"
	switch {
	case wanted:
	case l.exception():
		v.tally.exceptions++
	case f.said:
		v.short = append(v.short, short{flow, l.difference(want, sent.start)})
	default:
		v.complain(&v.tally.differ, "%s is not labelled as by replay: %s", l.UID, l.difference(want, sent.start))
	}
	waited := time.Since(v.sent.began) - time.Duration(sent.at)*time.Millisecond - seconds(want.last)
	if waited > v.tally.wait && sent.first >= 0 { // else it came before the producer knew that it had written
		v.tally.wait, v.tally.slowest = waited, fmt.Sprintf("%s of %s/%d, sent after %v, label %s by %s: %s", l.UID, v.name, sent.partition,
			time.Duration(sent.at)*time.Millisecond, l.Label, l.Stage, l.Reason)
	}
}

// provisional takes such a label. Behind the final one it may come only where that
// comes once more.
func (v *verifier) provisional(l *label, f *seenFlow, final int) {
	v.tally.provisional++
	if id := hashOf(l.ID); f.early == 0 {
		f.early = id
	} else if f.early != id {
		v.complain(&v.tally.unequal, "%s has provisional labels of two ids", l.UID)
	}
	if l.Seq >= final {
		v.complain(&v.tally.late, "%s: provisional with seq %d, final with %d", l.UID, l.Seq, final)
	}
	if f.behind = f.finals > 0; f.behind {
		v.tally.behind++
	}
}

// order judges what came last of each flow.
func (v *verifier) order() {
	for flow, f := range v.flows {
		if f.behind {
			v.complain(&v.tally.late, "%s: a provisional label came last, behind the final one", v.sent.uid(flow))
		}
	}
}

// steady is the label without what the slow stage may give otherwise in another batch.
func (l label) steady() label {
	if l.Stage == "slow" {
		l.p = probabilities{Names: l.p.Names}
	}
	return l
}

// letter takes a dead letter.
func (v *verifier) letter(r *kafka.Record) {
	for _, h := range r.Headers {
		if h.Key == "reason" {
			v.tally.dead[string(h.Value)]++
		}
	}
}

// judge holds committed offsets against what is labelled.
func (v *verifier) judge(committed map[int]int64) {
	v.sent.mu.Lock()
	defer v.sent.mu.Unlock()
	for partition, offset := range committed {
		if before := v.committed[partition]; offset < before {
			v.complain(&v.tally.back, "partition %d: committed %d after %d", partition, offset, before)
		}
		v.committed[partition] = offset
		if partition >= len(v.checked) {
			continue
		}
		written := v.sent.written[partition]
		for v.checked[partition] < len(written) {
			flow := int(written[v.checked[partition]])
			if first := v.sent.flows[flow].first; first >= offset {
				break
			} else if flow >= len(v.flows) || v.flows[flow].finals == 0 {
				v.complain(&v.tally.above, "flow %d began at offset %d of partition %d, %d is committed, and it has no label", flow, first, partition, offset)
			}
			v.checked[partition]++
		}
	}
}

// cut judges the flows that were ended by a clock: their own producer's silence is
// what it may have been.
func (v *verifier) cut() {
	for _, s := range v.short {
		if v.sent.get(s.flow).silence > mayBeSilent {
			v.tally.cut++
		} else {
			v.complain(&v.tally.differ, "%s is not labelled as by replay: %s", v.sent.uid(s.flow), s.difference)
		}
	}
	v.short = nil
}

func hashOf(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()
}
