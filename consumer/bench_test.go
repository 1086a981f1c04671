package consumer

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// atOnce decides every flow on its first packet and labels nothing.
type atOnce struct{}

func (atOnce) Decide(*flow.Flow) bool { return true }

func noPin() flow.Acker { return nil }

// labRecords are real records of the lab: the demo's, or conn.log.
func labRecords(b *testing.B, name string) [][]byte {
	b.Helper()
	f, err := os.Open("../testdata/records/" + name + ".jsonl.zst")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close()
	var lines [][]byte
	for s := bufio.NewScanner(z); s.Scan(); {
		lines = append(lines, bytes.Clone(s.Bytes()))
	}
	return lines
}

// BenchmarkTake is decode and flow table, per record: want is how many packets
// a decision takes.
func BenchmarkTake(b *testing.B) {
	for name, want := range map[string]int{"first-packet": 1, "ten-packets": 10, "conn.log": 1} {
		b.Run(name, func(b *testing.B) {
			lines, conns := labRecords(b, "lab"), name == "conn.log"
			if conns {
				lines = labRecords(b, "lab-conn")
			}
			cfg := flow.Config{Rules: flow.Rules{Depth: 10, Idle: 2e9, MaxAge: 60e9, Lateness: 1e9},
				Limits: flow.Limits{Flows: 1 << 20, Bytes: 1 << 30, Finished: 1 << 20}, Remember: 360e9, Want: want, Conns: conns}
			m := NewMetrics(prometheus.NewRegistry())
			b.ReportAllocs()
			var w *Worker
			for i := 0; b.Loop(); i++ {
				if i%len(lines) == 0 {
					w = NewWorker(cfg, zeek.Limits{}, atOnce{}, m)
				}
				if err := w.Take(lines[i%len(lines)], noPin); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// nowhere takes records for the keyed topic and writes none.
type nowhere struct{}

func (nowhere) Forward(_ context.Context, _, _ []byte, pin flow.Acker) { pin.Ack() }

// BenchmarkRekey is what a record costs on its way through a member that rekeys
// six partitions, without Kafka on either side.
func BenchmarkRekey(b *testing.B) {
	lines, held := labRecords(b, "lab"), &pin{}
	m := NewRekeyMetrics(prometheus.NewRegistry())
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(lines) {
		p := newPace(6, time.Minute, nil)
		var all sync.WaitGroup
		for lane := range 6 {
			r := &rekeyer{lane: p.lanes[lane], slack: testSlack, out: nowhere{}, metrics: m}
			all.Go(func() {
				for i := lane; i < len(lines); i += 6 {
					if err := r.Take(lines[i], func() flow.Acker { return held }); err != nil {
						b.Error(err)
					}
					if i%500 == 0 {
						r.Rest(b.Context(), false, 0)
					}
				}
				r.Rest(b.Context(), true, 0)
			})
		}
		all.Wait()
	}
}
