// Package sink writes verdicts as label records: to Kafka topics, or as JSON lines. A
// written label is acknowledged back to the input, which then commits.
package sink

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/serveflow/serveflow/cascade"
)

// Schema is the schema and version that each label record names.
const Schema = "serveflow.label/1"

// AppendLabel appends a verdict's label record, one JSON object, to dst. The verdict has a
// best guess, Top[0], unless it is cascade.Unsupported.
//
// Times are epoch seconds with microseconds. Probabilities are rounded to six decimals,
// since a probability's last bits may depend on the slow stage's batch.
func AppendLabel(dst []byte, v *cascade.Verdict) []byte {
	o := object{dst: append(dst, '{')}
	id := labelID(v)
	o.digest("label_id", id[:])
	o.str("schema", Schema)
	o.str("uid", v.UID)
	o.address("orig_h", v.Orig.Addr())
	o.int("orig_p", int64(v.Orig.Port()))
	o.address("resp_h", v.Resp.Addr())
	o.int("resp_p", int64(v.Resp.Port()))
	o.str("proto", protoName(v.Proto))
	o.str("sensor", v.Sensor)
	o.str("task", v.Spec.Task)
	o.str("label", v.Label())
	o.fraction("confidence", v.Confidence())
	o.top(v.Top[:])
	if v.Spec.Families != nil {
		o.str("family", v.Family.Label)
		o.fraction("family_confidence", v.Family.P)
	}
	if v.Spec.Novelties() {
		o.fraction("novelty", v.Novelty)
	}
	o.bool("final", v.Final)
	o.int("seq", int64(v.Seq))
	o.str("stage", v.Stage)
	o.fraction("uncertainty", v.Uncertainty)
	o.fraction("threshold", v.Threshold)
	o.int("packets", int64(v.Packets))
	o.bool("gap", v.Gap)
	o.str("reason", string(v.Reason))
	o.str("bundle", v.Spec.Bundle)
	o.str("bundle_digest", v.Spec.Digest)
	o.seconds("ts_first", v.First)
	o.seconds("ts_packet", v.Last)
	o.seconds("ts_label", v.Decided.UnixMicro())
	o.fraction("wait_ms", float64(v.Last-v.First)/1e3)
	o.int("compute_us", v.Computed.Round(time.Microsecond).Microseconds())
	return append(o.dst, '}')
}

// LabelID is a label's id, 32 hex digits. It depends only on the flow, the task, the bundle
// and whether the label is final. So a label that is written again, after a restart, has
// the same id, and readers can drop duplicates by it.
func LabelID(v *cascade.Verdict) string {
	id := labelID(v)
	return hex.EncodeToString(id[:])
}

func labelID(v *cascade.Verdict) [16]byte {
	var buf [512]byte
	b := buf[:0]
	for _, part := range [...]string{v.Sensor, v.UID, v.Spec.Task, v.Spec.Digest} {
		b = strconv.AppendInt(b, int64(len(part)), 10)
		b = append(b, ':')
		b = append(b, part...)
	}
	b = strconv.AppendInt(b, v.First, 10)
	b = strconv.AppendBool(b, v.Final)
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}

func protoName(proto uint8) string {
	switch proto {
	case 1, 58:
		return "icmp"
	case 6:
		return "tcp"
	case 17:
		return "udp"
	}
	return "unknown_transport"
}
