package flow

import (
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// A flow knows when it was closed, whichever came first, the clock or what closed it.
func TestClosedWhen(t *testing.T) {
	const idle, long = 2 * time.Second, 8 * time.Second
	end := func(table *Table) {
		rec := pkt("a", 0, 0, 0)
		rec.Kind, rec.Closed = zeek.End, true
		table.Add(rec)
	}
	for _, c := range []struct {
		name string
		idle time.Duration
		with func(*Table)
		due  float64 // seconds
	}{
		{"by a reset", idle, func(table *Table) { table.Add(pkt("a", 2, .5, 4)) }, .5},
		{"by silence", idle, func(table *Table) { table.Add(pkt("a", 2, .5, 0)); table.Drain() }, 2.5},
		{"by a packet that came too late", idle, func(table *Table) { table.Add(pkt("a", 2, 2.5, 0)) }, 2},
		{"by its age", idle, func(table *Table) {
			for n := range uint32(5) {
				table.Add(pkt("a", n+2, 1.9*float64(n+1), 0))
			}
			table.Drain()
		}, 10},
		{"by an end record that comes after the silence", idle, end, 2},
		{"by an end record, 5 s behind the last packet", long, end, 5},
	} {
		cfg := testConfig()
		cfg.Rules.Idle, cfg.Rules.Depth = c.idle, 9
		table := New(cfg)
		f, _ := table.Add(pkt("a", 1, 0, 0))
		c.with(table)
		if _, _, due := f.Closing(0); due-f.First() != int64(c.due*1e6) {
			t.Errorf("%s: closed at %v s, want %v", c.name, float64(due-f.First())/1e6, c.due)
		}
	}
}
