package doctor

import (
	"fmt"
	"slices"
	"time"

	"github.com/serveflow/serveflow/consumer/zeek"
)

// flow is what the sample holds of one flow.
type flow struct {
	uid        string
	partitions map[int]bool
	places     map[uint32]bool // n of its packet records
	most       uint32          // the largest n
	last       int64           // record time of its newest packet, microseconds
	fin        [2]bool         // by direction
	reset      bool
	ended      bool
	sent       uint32 // by its end record
	partition  int    // where its last record lies

	again   int           // packet records that came before
	early   int           // packet records that came after one with a larger n
	late    time.Duration // the most that one of them was behind its partition's newest, record time
	back    uint32        // the most that n went back
	example string
}

// rebuild gathers the records of each flow, in the order of their first record.
func rebuild(ours []seen) []*flow {
	flows := make(map[string]*flow)
	var order []*flow
	for records := range byPartition(ours) {
		var newest int64
		for i := range records {
			r := &records[i]
			f := flows[r.uid]
			if f == nil {
				f = &flow{uid: r.uid, partitions: make(map[int]bool), places: make(map[uint32]bool)}
				flows[r.uid] = f
				order = append(order, f)
			}
			f.take(r, newest)
			newest = max(newest, believable(r, newest))
		}
	}
	return order
}

// believable is a packet record's time; one that leaps is not believed, lest all
// others be late.
func believable(r *seen, newest int64) int64 {
	if r.wild || !r.packet() || newest > 0 && r.rec.TS-newest > time.Minute.Microseconds() {
		return newest
	}
	return r.rec.TS
}

func (f *flow) take(r *seen, newest int64) {
	f.partitions[r.partition], f.partition = true, r.partition
	switch r.rec.Kind {
	case zeek.End:
		f.ended, f.sent = true, r.rec.Sent
	case zeek.Packet:
		f.packet(r, newest)
	}
}

func (f *flow) packet(r *seen, newest int64) {
	n := r.rec.N
	switch {
	case f.places[n]:
		f.again++
		return
	case n < f.most:
		f.early++
		if f.most-n > f.back {
			f.back, f.example = f.most-n, fmt.Sprintf("%s: flow %s, n=%d after n=%d", r.at(), f.uid, n, f.most)
		}
		if !r.wild {
			f.late = max(f.late, time.Duration(newest-r.rec.TS)*time.Microsecond)
		}
	}
	f.places[n] = true
	f.most = max(f.most, n)
	if !r.wild {
		f.last = max(f.last, r.rec.TS)
	}
	if flags := r.rec.Flags; flags != zeek.Absent {
		direction := 0
		if r.rec.FromOrig {
			direction = 1
		}
		f.fin[direction] = f.fin[direction] || flags&1 != 0
		f.reset = f.reset || flags&4 != 0
	}
}

// closed reports whether the flow's own packets ended it.
func (f *flow) closed() bool { return f.reset || f.fin[0] && f.fin[1] }

// split gives the flows that lie on several partitions.
func split(flows []*flow) []*flow {
	return slices.DeleteFunc(slices.Clone(flows), func(f *flow) bool { return len(f.partitions) < 2 })
}

// judgeOrder judges records that came after later ones of their flow, and those
// that came twice.
func judgeOrder(c *Config, flows []*flow) (found []Finding) {
	var disordered, again, packets int
	worst, late := &flow{}, time.Duration(0)
	for _, f := range flows {
		packets += len(f.places) + f.again
		again += f.again
		if f.early == 0 {
			continue
		}
		disordered++
		late = max(late, f.late)
		if f.back > worst.back {
			worst = f
		}
	}
	if disordered > 0 {
		f := Finding{"disorder", Info, "records of a flow come out of order; n puts them right", []string{
			share(disordered, len(flows), "flow"), "largest step back: " + worst.example, fmt.Sprintf("latest: %s behind the newest record of its partition; SERVEFLOW_LATENESS is %v", rounded(late), c.Lateness)},
			"nothing, while they are less late than SERVEFLOW_LATENESS; one Zeek logger, or one shipper a sensor, keeps them in order"}
		if late > c.Lateness {
			f.Severity, f.Title = Fault, "records of a flow come so late that it may be decided without them"
			f.Remedy = fmt.Sprintf("raise SERVEFLOW_LATENESS above %s, or keep order: one Zeek logger, or one shipper a sensor", rounded(late))
		}
		found = append(found, f)
	}
	if again > 0 {
		found = append(found, Finding{"duplicates", Info, "packet records come more than once; the later ones are passed over", []string{share(again, packets, "packet record")},
			"nothing, after a restart of a shipper; if it goes on, look whether two shippers read one file"})
	}
	return found
}

// judgeGaps judges packets that never came.
func judgeGaps(flows []*flow) []Finding {
	var whole, holes int
	var evidence []string
	for _, f := range flows {
		if !f.places[1] {
			continue // began before the sample
		}
		whole++
		missing := int(f.most) - len(f.places)
		if f.ended {
			missing = max(missing, int(f.sent)-len(f.places))
		}
		if missing <= 0 {
			continue
		}
		if holes++; holes <= 3 {
			evidence = append(evidence, fmt.Sprintf("flow %s: %s of %d there", f.uid, many(len(f.places), "packet record"), max(f.most, f.sent)))
		}
	}
	if 100*holes <= whole { // some are lost on any link
		return nil
	}
	return []Finding{{"packets-missing", Warn, "packet records are missing from flows: they wait for their timeout, and are labelled from less", append([]string{share(holes, whole, "flow")}, evidence...),
		"look for loss on the way: a full queue of zeek-kafka, a rate cap or drops in Zeek (capture_loss.log, notice.log), checksum offloading without zeek -C"}}
}

// Times after which Zeek has written a flow's end record: 5 s after a close, and
// after its longest inactivity timeout, each with time for the log to come.
const (
	endAfterClose = time.Minute
	endAfterIdle  = 6 * time.Minute
)

// judgeEnds judges flows that are over for long and have no end record.
func judgeEnds(ours []seen, flows []*flow) []Finding {
	newest := make(map[int]int64)
	var cap uint32
	ends := 0
	for i := range ours {
		r := &ours[i]
		if r.rec.Kind == zeek.End {
			ends++
		}
		if r.rec.Kind == zeek.Packet {
			newest[r.partition] = max(newest[r.partition], believable(r, newest[r.partition]))
			cap = max(cap, r.rec.N)
		}
	}
	due, missing, example := 0, 0, ""
	for _, f := range flows {
		silent := time.Duration(newest[f.partition]-f.last) * time.Microsecond
		over := f.closed() && silent > endAfterClose || f.most < cap && silent > endAfterIdle
		if !over || f.last == 0 {
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
