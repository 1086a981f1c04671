package doctor

import (
	"fmt"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// checkOrder checks for records that came after later ones of their flow or, by more than
// tables bear, of their sensor; and for records that came twice.
func checkOrder(c *Config, flows []*flow) (found []Finding) {
	var disordered, tooLate, duplicates, packets int
	worst, late := &flow{}, time.Duration(0)
	for _, f := range flows {
		packets += len(f.packetNumbers) + f.duplicates
		duplicates += f.duplicates
		late = max(late, f.maxDelay)
		if f.maxDelay > c.Lateness {
			tooLate++
		}
		if f.disordered > 0 {
			disordered++
		}
		if f.maxStepBack > worst.maxStepBack {
			worst = f
		}
	}
	if disordered > 0 || tooLate > 0 {
		f := Finding{"disorder", Info, "records of a flow come out of order; n puts them right", []string{share(disordered, len(flows), "flow")},
			"nothing, while they are less late than SERVEFLOW_LATENESS; one Zeek logger, or one shipper a sensor, keeps them in order"}
		if tooLate > 0 {
			f.Severity, f.Title = Fault, "records come so late that their flow may be decided without them"
			f.Evidence[0] = share(tooLate, len(flows), "flow")
			f.Remedy = fmt.Sprintf("raise SERVEFLOW_LATENESS above %s, or keep order: one Zeek logger, or one shipper a sensor", rounded(late))
		}
		if disordered > 0 {
			f.Evidence = append(f.Evidence, "largest step back: "+worst.example)
		}
		f.Evidence = append(f.Evidence, fmt.Sprintf("latest: %s behind the newest record of its sensor and partition; SERVEFLOW_LATENESS is %v", rounded(late), c.Lateness))
		found = append(found, f)
	}
	if duplicates > 0 {
		found = append(found, Finding{"duplicates", Info, "packet records come more than once; the later ones are passed over", []string{share(duplicates, packets, "packet record")},
			"nothing, after a restart of a shipper; if it goes on, look whether two shippers read one file"})
	}
	return found
}

// checkGaps checks for packet records that never came.
func checkGaps(flows []*flow) []Finding {
	var whole, holes int
	var evidence []string
	for _, f := range flows {
		if !f.packetNumbers[1] {
			continue // it began before the sample
		}
		whole++
		missing := int(f.maxN) - len(f.packetNumbers)
		if f.ended {
			missing = max(missing, int(f.sent)-len(f.packetNumbers))
		}
		if missing <= 0 {
			continue
		}
		if holes++; holes <= 3 {
			evidence = append(evidence, fmt.Sprintf("flow %s: %s of %d there", f.uid, plural(len(f.packetNumbers), "packet record"), max(f.maxN, f.sent)))
		}
	}
	if 100*holes <= whole { // every link loses some
		return nil
	}
	return []Finding{{"packets-missing", Warn, "packet records are missing from flows: they wait for their timeout, and are labelled from less", append([]string{share(holes, whole, "flow")}, evidence...),
		"look for loss on the way: a full queue of zeek-kafka, a rate cap or drops in Zeek (capture_loss.log, notice.log), checksum offloading without zeek -C"}}
}

// The times after which Zeek has written a flow's end record: 5 s after the flow is
// closed, or its longest inactivity timeout. Both have time added for the log's way to
// Kafka.
const (
	endAfterClose = time.Minute
	endAfterIdle  = 6 * time.Minute
)

// checkEnds checks for flows that ended long ago and have no end record.
func checkEnds(records []inputRecord, flows []*flow) []Finding {
	newest := make(map[int]int64)
	var maxN uint32
	ends := 0
	for i := range records {
		r := &records[i]
		if r.rec.Kind == zeek.End {
			ends++
		}
		if r.rec.Kind == zeek.Packet {
			before, ok := newest[r.raw.partition]
			if !ok {
				before = noTime
			}
			newest[r.raw.partition] = max(before, plausibleTime(r, before))
			maxN = max(maxN, r.rec.N)
		}
	}
	due, missing, example := 0, 0, ""
	for _, f := range flows {
		silent := time.Duration(newest[f.partition]-f.last) * time.Microsecond
		expired := f.closed() && silent > endAfterClose || f.maxN < maxN && silent > endAfterIdle
		if !expired || f.last == noTime {
			continue
		}
		due++
		if !f.ended {
			if missing++; missing == 1 {
				example = fmt.Sprintf("flow %s: its last packet is %s older than its partition's newest", f.uid, rounded(silent))
			}
		}
	}
	if 100*missing <= due {
		return nil
	}
	evidence := []string{"of flows that are over: " + share(missing, due, "flow"), example}
	if ends == 0 {
		evidence = append(evidence, "there is no end record at all")
	}
	return []Finding{{"ends-missing", Warn, "end records do not come: flows wait for a timeout instead, and finished uids stay remembered longer", evidence,
		"send both kinds of record of the log path serveflow (ev pkt and end); look for a filter that drops \"ev\":\"end\", and for loss on the way"}}
}
