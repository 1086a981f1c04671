package assembler

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/internal/lab"
)

// atOnce decides every flow when it is first ready and labels nothing.
type atOnce struct{}

func (atOnce) Close() {}

func (atOnce) Decide(context.Context, *flow.Flow) bool { return true }

// unpinned holds no place.
type unpinned struct{}

func (unpinned) Pin(int64) delivery.Acker { return nil }

// BenchmarkTake is decode and flow table, per record. The number says how many packets a
// decision takes.
func BenchmarkTake(b *testing.B) {
	for name, want := range map[string]int{"first-packet": 1, "ten-packets": 10, "conn.log": 1} {
		b.Run(name, func(b *testing.B) {
			records, conns := "lab", name == "conn.log"
			if conns {
				records = "lab-conn"
			}
			lines := lab.Records(b, records)
			cfg := flow.Config{Rules: flow.Rules{Depth: 10, Idle: 2e9, MaxAge: 60e9, Lateness: 1e9},
				Limits: flow.Limits{Flows: 1 << 20, Bytes: 1 << 30, Finished: 1 << 20}, Remember: 360e9, Want: want, Conns: conns}
			m, ctx := NewMetrics(prometheus.NewRegistry()), b.Context()
			b.ReportAllocs()
			var a *Assembler
			for i := 0; b.Loop(); i++ {
				if i%len(lines) == 0 {
					a = New(cfg, zeek.Limits{}, 0, atOnce{}, m)
				}
				if err := a.Take(ctx, lines[i%len(lines)], int64(i), unpinned{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
