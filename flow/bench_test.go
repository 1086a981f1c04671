package flow

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// BenchmarkNewFlow is the cost of a flow that its first packet decides, from opening
// it to remembering its uid.
func BenchmarkNewFlow(b *testing.B) {
	cfg := testConfig()
	cfg.Want, cfg.Limits.Finished = 1, 1<<16
	table := New(cfg)
	rec := pkt("C0123456789012345", 1, 0, syn)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		binary.LittleEndian.PutUint64(rec.UID, uint64(i))
		rec.TS += 20
		f, _ := table.Add(rec)
		table.Finish(f)
	}
}

// BenchmarkConn is the cost of one record of conn.log.
func BenchmarkConn(b *testing.B) {
	cfg := connConfig()
	cfg.Limits.Finished = 1 << 16
	table := New(cfg)
	rec := conn("C0123456789012345", 0, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		binary.LittleEndian.PutUint64(rec.UID, uint64(i))
		rec.TS += 20
		f, _ := table.Add(rec)
		table.Finish(f)
	}
}

// BenchmarkDecidedFlow is the cost of a later packet of a flow that is decided.
func BenchmarkDecidedFlow(b *testing.B) {
	cfg := testConfig()
	cfg.Want, cfg.Limits.Finished = 1, 1<<20
	table := New(cfg)
	records := make([]*zeek.Record, 1<<16)
	for i := range records {
		uid := fmt.Sprintf("C%017d", i)
		f, _ := table.Add(pkt(uid, 1, float64(i)*1e-5, syn))
		table.Finish(f)
		records[i] = pkt(uid, 2, float64(i)*1e-5, ack)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		table.Add(records[i%len(records)])
	}
}

// BenchmarkOpenFlows measures the memory of flows that wait for a packet, with headers as real records have them and an
// answer of 15 classes, as the bundle service leaves it.
func BenchmarkOpenFlows(b *testing.B) {
	const flows = 100_000
	for _, packets := range []int{1, 3, 9} {
		b.Run(fmt.Sprintf("packets-%d", packets), func(b *testing.B) {
			for b.Loop() {
				cfg := testConfig()
				cfg.Rules.Depth, cfg.Want, cfg.Limits = 10, 1, Limits{Flows: flows, Bytes: 1 << 40, Finished: 1}
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				table := New(cfg)
				for i := range flows {
					for n := 1; n <= packets; n++ {
						rec := pkt(fmt.Sprintf("C%017d", i), uint32(n), float64(n)*1e-3, ack)
						rec.Hdr = make([]byte, 40)
						f, _ := table.Add(rec)
						if f.Cursors[0].Answer == nil {
							f.Cursors[0].Answer = make([]float32, 15)
						}
						f.Want = 10
						table.Keep(f)
					}
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/flows, "B/flow")
				b.ReportMetric(float64(table.bytes)/flows, "charged-B/flow")
				runtime.KeepAlive(table)
			}
		})
	}
}
