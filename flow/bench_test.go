package flow

import (
	"encoding/binary"
	"fmt"
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
