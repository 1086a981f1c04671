package pauses

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/lab"
)

const partitions = 8

// traffic is recorded records, in the order in which Zeek wrote them.
type traffic struct {
	records []record
	span    int64  // microseconds
	file    string // its path
}

// record is a line, cut where its time and its uid are.
type record struct {
	head, uid, tail []byte
	ts              int64 // microseconds
	at              int64 // when it was written, microseconds since the first one: an end record has an earlier time
	flow            int32
	first           bool // of its flow
}

// readTraffic reads load/trace, or the lab where that is not there.
func readTraffic(t *testing.T) *traffic {
	t.Helper()
	lines, file := lab.Trace(t, "")
	all := &traffic{file: file}
	flows, began := map[string]int32{}, int64(0)
	for _, line := range lines {
		r := all.cut(t, line)
		if len(all.records) == 0 {
			began = r.ts
		}
		r.at = max(all.span, r.ts-began)
		all.span = r.at
		flow, known := flows[string(r.uid)]
		if !known {
			flow = int32(len(flows))
			flows[string(r.uid)] = flow
		}
		r.flow, r.first = flow, !known
		all.records = append(all.records, r)
	}
	return all
}

func (all *traffic) cut(t *testing.T, line []byte) (r record) {
	t.Helper()
	head, rest, ok := bytes.Cut(line, []byte(`"ts":`))
	ts, rest, comma := bytes.Cut(rest, []byte(`,"uid":"`))
	uid, tail, quote := bytes.Cut(rest, []byte(`"`))
	seconds, err := strconv.ParseFloat(string(ts), 64)
	if !ok || !comma || !quote || err != nil {
		t.Fatalf("%s: a record without ts and then uid: %s", all.file, line)
	}
	return record{head: head, uid: uid, tail: tail, ts: int64(seconds*1e6 + .5)}
}

// perSecond is how many records a second has at the recorded pace.
func (all *traffic) perSecond() float64 { return float64(len(all.records)) / (float64(all.span) / 1e6) }

// send is a record that is written once, as one of a lane's.
type send struct {
	due          int64 // microseconds since the begin
	record, lane int32
	flow         int32 // a number of its own among all lanes' flows
}

// plan plays the traffic in lanes side by side, each from another moment on, at its recorded pace and as a sensor of its
// own: so the load is steady, flows wait for packets as live ones do, and as many are open at a time.
// The traffic is a ring. It gives what is due in each partition, and the number of flows.
func (all *traffic) plan(t *testing.T, lanes int, length time.Duration) (plan [partitions][]send, flows, n int) {
	t.Helper()
	window := length.Microseconds()
	if window >= all.span {
		t.Fatalf("%s has %.0f s of traffic, less than the %v of -for and of warming up: choose a shorter -for", all.file, float64(all.span)/1e6, length)
	}
	for lane := range lanes {
		start := all.span / int64(lanes) * int64(lane)
		i := sort.Search(len(all.records), func(i int) bool { return all.records[i].at >= start })
		own := map[int32]int32{}
		for lap := int64(0); ; i++ {
			if i == len(all.records) {
				i, lap = 0, all.span
			}
			r := &all.records[i]
			if r.at+lap > start+window {
				break
			}
			flow, begun := own[r.flow]
			if !begun {
				if !r.first {
					continue // it began before the lane did
				}
				flow, flows = int32(flows), flows+1
				own[r.flow] = flow
			}
			p := int(flow) % partitions
			plan[p], n = append(plan[p], send{due: r.at + lap - start, record: int32(i), lane: int32(lane), flow: flow}), n+1
		}
	}
	for _, part := range plan {
		slices.SortStableFunc(part, func(a, b send) int { return cmp.Compare(a.due, b.due) })
	}
	return plan, flows, n
}

// render gives the record as its lane has it, in the time that began at so many microseconds, and its key.
func (all *traffic) render(s send, began int64) (key, value []byte) {
	r := &all.records[s.record]
	ts := began + s.due - (all.records[s.record].at - all.sinceFirst(r))
	key = fmt.Appendf(make([]byte, 0, 32), "%s-%d", r.uid, s.flow)
	value = make([]byte, 0, len(r.head)+len(r.tail)+96)
	value = append(append(value, r.head...), `"sensor":"s`...)
	value = strconv.AppendInt(value, int64(s.lane), 10)
	value = fmt.Appendf(value, `","ts":%d.%06d,"uid":"%s"`, ts/1e6, ts%1e6, key)
	return key, append(value, r.tail...)
}

// sinceFirst is a record's own time since the first one, microseconds.
func (all *traffic) sinceFirst(r *record) int64 { return r.ts - all.records[0].ts }
