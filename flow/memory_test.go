package flow

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/serveflow/serveflow/internal/delivery"
)

// liveHeap is the bytes that are live on the heap.
func liveHeap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// The memory that a table counts must be the memory that it holds. Otherwise the limit
// on it limits nothing.
func TestCountedMemoryIsReal(t *testing.T) {
	const flows = 30_000
	for _, packets := range []int{1, 3, 9} {
		cfg := testConfig()
		cfg.Rules.Depth, cfg.Want, cfg.Limits.Flows, cfg.Limits.Bytes = 10, 10, flows, 1<<30
		before := liveHeap()
		table := New(cfg)
		for i := range flows {
			for n := range packets {
				rec := pkt(fmt.Sprintf("C%017d", i), uint32(n+1), 0, ack)
				rec.Hdr = make([]byte, 52) // IPv4 and TCP with timestamps
				f, _ := table.Add(rec)
				f.Cursors[0].Answer = append(f.Cursors[0].Answer[:0], make([]float32, 14)...)
				f.Acker = &struct{ delivery.Acker }{} // as large as the consumer's
				table.Keep(f)
			}
		}
		real := liveHeap() - before
		_, counted, _ := table.Size()
		t.Logf("%d packets: %d bytes a flow, counted %d", packets, real/flows, counted/flows)
		if counted < real*8/10 || counted > real*12/10 {
			t.Errorf("%d packets: %d bytes are counted and %d held", packets, counted, real)
		}
		runtime.KeepAlive(table)
	}
}

func TestRememberedUIDIsAsSmallAsPromised(t *testing.T) {
	for _, limit := range []int{20_000, 50_000, 100_000} {
		before := liveHeap()
		table := New(Config{Rules: testConfig().Rules, Limits: Limits{Flows: 1, Bytes: 1 << 20, Finished: limit}, Remember: 1e12, Want: 1})
		rec := pkt("", 1, 0, syn)
		for i := range 3 * limit {
			rec.UID = fmt.Appendf(nil, "C%017d", i)
			f, _ := table.Add(rec)
			table.Finish(f)
		}
		real := liveHeap() - before
		t.Logf("limit %d: %d bytes a uid", limit, real/limit)
		if real > limit*FinishedBytes*11/10+4096 {
			t.Errorf("limit %d: %d bytes a uid, promised are %d", limit, real/limit, FinishedBytes)
		}
		if forgotten, _ := table.Losses(); forgotten != 2*limit {
			t.Errorf("%d were forgotten before their time, %d had no room", forgotten, 2*limit)
		}
	}
}

// FinishedBytes must be what the ring and its index take for one uid in the worst case,
// and no more.
func TestFinishedBytesIsTheWorstCase(t *testing.T) {
	worst := 0.
	for limit := 1000; limit < 10_000; limit++ {
		bytes := entryBytes*(limit+1) + 4*len(newIndex(limit+1))
		worst = max(worst, float64(bytes)/float64(limit))
	}
	if worst > float64(FinishedBytes) || worst < float64(FinishedBytes-1) {
		t.Errorf("a uid takes up to %v bytes, promised are %d", worst, FinishedBytes)
	}
}

// A flood must not make the table forget flows that go on. Their next packet would open
// them again, and they would be labelled twice.
func TestFloodForgetsItsOwnFirst(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Finished, cfg.Want = 50, 1
	table := New(cfg)
	decided := func(uid string, n uint32, at float64) Outcome {
		f, outcome := table.Add(pkt(uid, n, at, ack))
		if f != nil {
			table.Finish(f)
		}
		return outcome
	}
	for i := range 10 {
		decided(fmt.Sprint("real", i), 1, 0)
	}
	for i := range 1000 {
		at := float64(i) * 1e-3
		decided(fmt.Sprint("flood", i), 1, at)
		if i%30 == 0 {
			for k := range 10 {
				if got := decided(fmt.Sprint("real", k), 2, at); got != Late {
					t.Fatalf("after %d flows of the flood: real%d is opened again (%s)", i, k, Outcomes[got])
				}
			}
		}
		if _, _, remembered := table.Size(); remembered > cfg.Limits.Finished {
			t.Fatalf("%d are remembered, %d may be", remembered, cfg.Limits.Finished)
		}
	}
}
