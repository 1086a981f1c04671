package latency

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"
)

// tail is how long records are written after the last flow has begun. What a few flows send later
// is left out, for all sides alike.
const tail = 15 * time.Second

// lead is how long a replay runs before it is measured, because a process that has just started is slow:
// the flows that begin in it are labelled, and not counted.
const lead = 3 * time.Second

// traffic is what a replay writes: records in the order in which they are due.
type traffic struct {
	records []record
	counted map[string]bool // uids of the flows that are measured
	known   int             // of these, flows whose label is known
}

// record is one line, cut around the number of its ts. Its times are from the begin of the replay.
type record struct {
	uid, before, after string
	ts, due            time.Duration
}

func (t *traffic) words() string {
	return fmt.Sprintf("%d records, %d flows that count, %d of these with a known label", len(t.records), len(t.counted), t.known)
}

// busiest takes the flows of the busiest stretch of time that begin within so much of the replay.
//
// At another speed than 1 flows begin so many times as often, and the packets of each keep their
// distances. So the load is that of so much more traffic, while gaps, which models look at, and
// timeouts are those of real flows: compressed gaps would make every wait shorter, and other flows.
func (s *source) busiest(t *testing.T, length time.Duration, speed float64) *traffic {
	t.Helper()
	first := map[string]int64{}
	var begins []int64
	for _, l := range s.lines {
		if _, met := first[l.uid]; l.packet && !met {
			first[l.uid] = l.ts
			begins = append(begins, l.ts)
		}
	}
	from, to := stretch(begins, int64(float64(length.Microseconds())*speed))
	before := int64(float64(lead.Microseconds()) * speed)
	out := &traffic{counted: map[string]bool{}}
	for _, l := range s.lines {
		begin, met := first[l.uid]
		if !met || begin < from-before || begin >= to {
			continue
		}
		moved := int64(float64(begin-from)/speed) - begin + lead.Microseconds()
		r := record{uid: l.uid, ts: time.Duration(l.ts+moved) * time.Microsecond, due: time.Duration(l.written+moved) * time.Microsecond}
		if r.due > lead+length+tail {
			continue
		}
		head, rest, ok := bytes.Cut(l.text, []byte(`"ts":`))
		end := bytes.IndexAny(rest, ",}")
		if !ok || end < 0 {
			t.Fatalf("%s: a record without a ts: %s; write it as the Zeek package does", s.name, l.text)
		}
		r.before, r.after = string(head)+`"ts":`, string(rest[end:])
		out.records = append(out.records, r)
		if begin < from || out.counted[l.uid] {
			continue
		}
		out.counted[l.uid] = true
		if s.known[l.uid] != "" {
			out.known++
		}
	}
	slices.SortStableFunc(out.records, func(a, b record) int { return cmp.Compare(a.due, b.due) })
	return out
}

// stretch is where the most of the sorted times lie within so long a time.
func stretch(times []int64, length int64) (from, to int64) {
	most, j := 0, 0
	for i, at := range times {
		for j < len(times) && times[j] < at+length {
			j++
		}
		if j-i > most {
			most, from = j-i, at
		}
	}
	return from, from + length
}

// at is the record as it is written by a replay that began then.
func (r *record) at(begin time.Time) []byte {
	us := begin.Add(r.ts).UnixMicro()
	return fmt.Appendf(nil, "%s%d.%06d%s", r.before, us/1e6, us%1e6, r.after)
}
