package doctor

import (
	"fmt"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// noTime is before every record time: captures may count theirs from 0.
const noTime int64 = -1

// flow is the part of one flow that the sample has.
type flow struct {
	uid           string
	partitions    map[int]bool
	packetNumbers map[uint32]bool // the n of its packet records
	maxN          uint32          // the largest n
	last          int64           // record time of its newest packet, microseconds; noTime where none is believed
	fin           [2]bool         // a FIN was seen, by direction
	reset         bool            // an RST was seen
	ended         bool            // its end record was seen
	sent          uint32          // the number of packet records, as its end record has it
	partition     int             // of its last record

	duplicates  int           // packet records with an n that was there before
	disordered  int           // packet records after one with a larger n
	maxDelay    time.Duration // the largest distance, in record time, of a packet record to the newest one of its sensor and partition
	maxStepBack uint32        // the largest decrease of n
	example     string        // names the record of maxStepBack
}

// groupByFlow collects the records of each flow, in the order of their first record.
func groupByFlow(records []inputRecord) []*flow {
	flows := make(map[string]*flow)
	var order []*flow
	for part := range byPartition(records) {
		newestOf := make(map[string]int64) // by sensor
		for i := range part {
			r := &part[i]
			newest, ok := newestOf[r.sensor]
			if !ok {
				newest = noTime
			}
			f := flows[r.uid]
			if f == nil {
				f = &flow{uid: r.uid, partitions: make(map[int]bool), packetNumbers: make(map[uint32]bool), last: noTime}
				flows[r.uid] = f
				order = append(order, f)
			}
			f.add(r, newest)
			newestOf[r.sensor] = max(newest, plausibleTime(r, newest))
		}
	}
	return order
}

// plausibleTime returns a packet record's time, or newest where the record's time jumps
// ahead: after one wrong time all later records would count as late.
func plausibleTime(r *inputRecord, newest int64) int64 {
	if r.outlier || !r.packet() || newest != noTime && r.rec.TS-newest > time.Minute.Microseconds() {
		return newest
	}
	return r.rec.TS
}

func (f *flow) add(r *inputRecord, newest int64) {
	f.partitions[r.raw.partition], f.partition = true, r.raw.partition
	switch r.rec.Kind {
	case zeek.End:
		f.ended, f.sent = true, r.rec.Sent
	case zeek.Packet:
		f.packet(r, newest)
	}
}

func (f *flow) packet(r *inputRecord, newest int64) {
	n := r.rec.N
	switch {
	case f.packetNumbers[n]:
		f.duplicates++
		return
	case n < f.maxN:
		f.disordered++
		if f.maxN-n > f.maxStepBack {
			f.maxStepBack, f.example = f.maxN-n, fmt.Sprintf("%s: flow %s, n=%d after n=%d", r.at(), f.uid, n, f.maxN)
		}
	}
	// A flow that lies further back than a minute may be of another capture, unless its own
	// records are out of order.
	if delay := time.Duration(newest-r.rec.TS) * time.Microsecond; !r.outlier && (n < f.maxN || delay <= time.Minute) {
		f.maxDelay = max(f.maxDelay, delay)
	}
	f.packetNumbers[n] = true
	f.maxN = max(f.maxN, n)
	if !r.outlier {
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

// closed reports whether the flow was ended by RST, or by FIN in both directions.
func (f *flow) closed() bool { return f.reset || f.fin[0] && f.fin[1] }

// split reports whether the flow has records on several partitions.
func (f *flow) split() bool { return len(f.partitions) > 1 }
