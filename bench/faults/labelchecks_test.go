package faults

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/segmentio/kafka-go"
)

// flowState is what the verifier keeps of one flow.
type flowState struct {
	id, hash        uint64 // of the first final label
	provisionalID   uint64 // id of the first provisional label
	finals          uint16 // number of final labels
	provisionalLast bool   // the last label is provisional
	matches         bool   // the first final label is replay's
	excused         bool   // the first final label may differ from replay's
}

// truncatedFlow is a flow that a timeout ended, but not so in replay. That is right where the
// flow's next record was late; the producer may learn this only after the label was read.
type truncatedFlow struct {
	flow       int
	difference string // from replay's label
}

// idleLimit is how long nothing may come before a timeout ends a flow, in milliseconds: the
// shortest patience of bundles/service, and the second in which records may be on their way.
const idleLimit = 1250

// checkLabel checks a label record.
func (v *verifier) checkLabel(r *kafka.Record) {
	value, _ := kafka.ReadAll(r.Value)
	l, err := parseLabel(value)
	if err != nil {
		v.fail(&v.result.unknownLabels, "%v", err)
		return
	}
	if v.harness.cfg.injected != nil && v.harness.cfg.injected(l.UID) {
		return
	}
	flow, known := v.harness.sent.flowOf(l.UID)
	if key, _ := kafka.ReadAll(r.Key); string(key) != l.UID {
		v.fail(&v.result.unknownLabels, "a label of %s has the key %q", l.UID, key)
	}
	if !known {
		v.fail(&v.result.unknownLabels, "a label of %s, which was not sent", l.UID)
		return
	}
	for len(v.flows) <= flow {
		v.flows = append(v.flows, flowState{})
		v.unlabelled++
	}
	v.compare(&l, flow)
}

// compare compares a label with replay's label of the flow's template, and with the first
// final label of the flow.
func (v *verifier) compare(l *label, flow int) {
	f, sent := &v.flows[flow], v.harness.sent.flow(flow)
	want := v.harness.templates[sent.template].wanted(l.Digest)
	if !l.Final {
		v.checkProvisional(l, f, want.Seq)
		return
	}
	f.provisionalLast = false
	matches := l.matches(want, sent.start)
	hash := hashOf(fmt.Sprintf("%+v", l.withoutProbabilities()))
	if f.finals++; f.finals > 1 {
		v.result.duplicates++
		same := hash == f.hash || matches && f.matches
		switch said := l.exception() || f.excused; {
		case said && !same && hashOf(l.ID) == f.id:
			v.result.excusedDuplicates++
		case !same || hashOf(l.ID) != f.id:
			v.fail(&v.result.unequalDuplicates, "%s is labelled twice, differently, the second time by %s: %s", l.UID, l.Bundle, l.difference(want, sent.start))
		}
		return
	}
	v.unlabelled--
	f.id, f.hash, f.matches, f.excused = hashOf(l.ID), hash, matches, l.exception() || !matches && l.Reason == "timeout"
	switch {
	case matches:
	case l.exception():
		v.result.exceptions++
	case f.excused:
		v.truncated = append(v.truncated, truncatedFlow{flow, l.difference(want, sent.start)})
	default:
		v.fail(&v.result.mismatches, "%s is not labelled as by replay: %s", l.UID, l.difference(want, sent.start))
	}
	waited := time.Since(v.harness.sent.began) - time.Duration(sent.ackedAt)*time.Millisecond - micros(want.last)
	if waited > v.result.maxWait && sent.firstOffset >= 0 { // the label may be read before the producer has its acknowledgement
		v.result.maxWait, v.result.slowest = waited, fmt.Sprintf("%s of %s/%d, sent after %v, label %s by %s: %s", l.UID, v.harness.name, sent.partition,
			time.Duration(sent.ackedAt)*time.Millisecond, l.Label, l.Stage, l.Reason)
	}
}

// checkProvisional checks a provisional label. After a final label it is allowed only where
// a final label follows once more: a restarted member repeats both.
func (v *verifier) checkProvisional(l *label, f *flowState, final int) {
	v.result.provisional++
	if id := hashOf(l.ID); f.provisionalID == 0 {
		f.provisionalID = id
	} else if f.provisionalID != id {
		v.fail(&v.result.unequalDuplicates, "%s has provisional labels of two ids", l.UID)
	}
	if l.Seq >= final {
		v.fail(&v.result.misordered, "%s: provisional with seq %d, final with %d", l.UID, l.Seq, final)
	}
	if f.provisionalLast = f.finals > 0; f.provisionalLast {
		v.result.provisionalAfterFinal++
	}
}

// checkOrder checks that the last label of each flow is final.
func (v *verifier) checkOrder() {
	for flow, f := range v.flows {
		if f.provisionalLast {
			v.fail(&v.result.misordered, "%s: a provisional label came last, behind the final one", v.harness.sent.uid(flow))
		}
	}
}

// withoutProbabilities returns the label without the slow stage's probabilities, which may
// differ in another batch.
func (l label) withoutProbabilities() label {
	if l.Stage == "slow" {
		l.probs = probabilities{Names: l.probs.Names}
	}
	return l
}

// deadLetter counts a dead letter by its reason.
func (v *verifier) deadLetter(r *kafka.Record) {
	for _, header := range r.Headers {
		if header.Key == "reason" {
			v.result.deadLetters[string(header.Value)]++
		}
	}
}

// checkCommits checks that every flow below a committed offset is labelled, and that no
// committed offset goes back.
func (v *verifier) checkCommits(committed map[int]int64) {
	v.harness.sent.mu.Lock()
	defer v.harness.sent.mu.Unlock()
	for partition, offset := range committed {
		if before := v.committed[partition]; offset < before {
			v.fail(&v.result.commitsBack, "partition %d: committed %d after %d", partition, offset, before)
		}
		v.committed[partition] = offset
		if partition >= len(v.checkedFlows) {
			continue
		}
		written := v.harness.sent.written[partition]
		for v.checkedFlows[partition] < len(written) {
			flow := int(written[v.checkedFlows[partition]])
			if first := v.harness.sent.flows[flow].firstOffset; first >= offset {
				break
			} else if flow >= len(v.flows) || v.flows[flow].finals == 0 {
				v.fail(&v.result.commitsAhead, "flow %d began at offset %d of partition %d, %d is committed, and it has no label", flow, first, partition, offset)
			}
			v.checkedFlows[partition]++
		}
	}
}

// checkTruncated checks that the flows which a timeout ended had a record that was written
// too late.
func (v *verifier) checkTruncated() {
	for _, s := range v.truncated {
		if v.harness.sent.flow(s.flow).maxSilence > idleLimit {
			v.result.truncated++
		} else {
			v.fail(&v.result.mismatches, "%s is not labelled as by replay: %s", v.harness.sent.uid(s.flow), s.difference)
		}
	}
	v.truncated = nil
}

func hashOf(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()
}
