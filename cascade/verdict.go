package cascade

import (
	"net/netip"
	"time"

	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/internal/delivery"
)

// Reason says why a label was given when it was.
type Reason string

// The reasons a label can have.
const (
	Confident Reason = "confident"  // the stage was sure enough
	LastStage Reason = "last_stage" // the last stage, which always answers
	FlowEnd   Reason = "flow_end"   // the flow ended before the stage's depth
	Timeout   Reason = "timeout"    // its next packet did not come in time
	Evicted   Reason = "evicted"    // memory was short
	Degraded  Reason = "degraded"   // a fast stage's answer, because the slow one had no room or failed on this flow
	Breaker   Reason = "breaker"    // a fast stage's answer, because the slow one hangs, or fails on all flows
	NoMore    Reason = "no_more"    // another packet is unlikely, so the stage's answer stands
	OfFamily  Reason = "family"     // the stage was sure of the family, and the class is not worth waiting for
	Novel     Reason = "novel"      // the label is Unknown: the flow is like no class of the bundle

	// Unsupported is the reason of a label Unknown: the models were not trained on the flow's
	// protocol. No stage was asked.
	Unsupported Reason = "unsupported"
	// Provisional is the reason of a label that precedes the final one.
	Provisional Reason = "provisional"
)

// Unknown is the label of a flow that no stage was asked about, or that is like no class.
const Unknown = "unknown"

// Guess is a class with its probability.
type Guess struct {
	Label string
	P     float64
}

// Verdict is a stage's answer for one flow. It has all that a label record needs.
type Verdict struct {
	UID    string
	Sensor string
	Orig   netip.AddrPort
	Resp   netip.AddrPort
	Proto  uint8

	Spec  *Spec  // task, bundle and classes
	Stage string // that answered; empty if the reason is Unsupported

	Final       bool
	Seq         int
	Reason      Reason
	NoClass     bool     // the flow is like no class: the reason is Novel, or one that says why no surer answer was to be had
	Top         [3]Guess // the best first; with two classes, the third is empty; all are if the reason is Unsupported
	Family      Guess    // of the label; empty where that is Unknown, or the bundle has no families
	Novelty     float64  // probability that the flow is of no class; 0 where no stage says anything of it
	Uncertainty float64
	Threshold   float64

	Packets  int   // that the stage looked at; of conn.log, all that the record counts
	Gap      bool  // whether one of them is missing; of conn.log, whether bytes are
	First    int64 // record time of the flow's first packet, microseconds
	Last     int64 // record time of the last packet looked at, microseconds
	Due      int64 // record time at which it could be decided, microseconds: that of a packet, or the end of a silence
	Silent   bool  // it was the end of a silence, which whoever waits in record time knows of by the lateness later
	Decided  time.Time
	Computed time.Duration

	Acker delivery.Acker // told when the label is written; nil in a provisional verdict, and in one of a shadow
}

// Label is the winning class, or Unknown.
func (v *Verdict) Label() string {
	if v.Reason == Unsupported || v.NoClass {
		return Unknown
	}
	return v.Top[0].Label
}

// Confidence is the probability of the label.
func (v *Verdict) Confidence() float64 {
	if v.NoClass {
		return v.Novelty
	}
	return v.Top[0].P
}

// newVerdict makes a verdict with the fields that describe the flow, and those of its packets
// that the stage looks at, or its record of conn.log.
func newVerdict(spec *Spec, f *flow.Flow, at *flow.Cursor, packets int) Verdict {
	v := Verdict{UID: f.UID, Sensor: f.Sensor, Orig: f.Orig, Resp: f.Resp, Proto: f.Proto,
		Spec: spec, Computed: at.Spent, Novelty: float64(at.Novelty)}
	v.Due, v.Silent = due(f, at, spec.Stages[0].Depth)
	if f.Conn() != nil {
		v.Packets, v.Gap = f.Counted()
		v.First, v.Last = f.First(), f.Last()
		return v
	}
	seen := f.Packets(packets)
	for i := range seen {
		p := &seen[i]
		if !p.Present {
			v.Gap = true
			continue
		}
		if v.Packets == 0 {
			v.First = p.TS
		}
		v.Packets++
		v.Last = p.TS
	}
	return v
}

// setReason sets why the verdict is what it is. c is why the flow has no more packets, though the
// stage would have looked at them.
func (v *Verdict) setReason(why Reason, c flow.Cause) {
	v.Reason, v.NoClass = closedBy(c, why), why == Novel
}

// closedBy is the reason of a verdict for a flow of which there are no more packets. A flow that
// was not closed keeps the reason why, and so does one whose reason has nothing to do with packets.
//
// Novel and OfFamily hide an end or a timeout, which follow from the flow's records, but not an
// eviction: read again with more memory, the flow may get another label.
func closedBy(c flow.Cause, why Reason) Reason {
	plain := why == Confident || why == LastStage || why == Degraded
	switch {
	case c == flow.Ended && plain:
		return FlowEnd
	case c == flow.TimedOut && plain:
		return Timeout
	case c == flow.Evicted && (plain || why == Novel || why == OfFamily):
		return Evicted
	}
	return why
}

// setFamily fills in the family of the label. One that is Unknown has none.
func (v *Verdict) setFamily(a *answer.Answer) {
	if v.Spec.Families == nil || v.NoClass {
		return
	}
	if family, sum := v.Spec.family(a); family != nil {
		v.Family = Guess{Label: family.Name, P: sum}
		return
	}
	v.Family = v.guess(a, 0)
}

// setAnswer fills in what the stage says, from calibrated probabilities.
func (v *Verdict) setAnswer(a *answer.Answer, s *Stage) {
	v.Decided = time.Now()
	v.Stage, v.Threshold = s.Name, s.threshold(a)
	v.Uncertainty = s.uncertainty(a, v.Gap)
	v.NoClass = v.NoClass || s.Novelty.ahead(a)
	v.setFamily(a)
	other := s.Novelty.class()
	if other >= 0 {
		v.Novelty = a.P[other]
	}
	n := 0
	for place, class := range a.Top {
		if class < 0 || n == len(v.Top) {
			break
		}
		if class != other { // which is a name for all that has none
			v.Top[n] = v.guess(a, place)
			n++
		}
	}
}

// guess is the class at a place of the answer's order.
func (v *Verdict) guess(a *answer.Answer, place int) Guess {
	return Guess{Label: v.Spec.Classes[a.Top[place]], P: a.At(place)}
}
