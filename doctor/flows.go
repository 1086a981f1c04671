package doctor

import (
	"fmt"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
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

// split reports whether the flow lies on several partitions.
func (f *flow) split() bool { return len(f.partitions) > 1 }
