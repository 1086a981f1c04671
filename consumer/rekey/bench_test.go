package rekey

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/internal/lab"
)

// discard takes records for the keyed topic and writes none.
type discard struct{}

func (discard) Forward(_ context.Context, _, _ []byte, acker delivery.Acker) { acker.Ack() }

// BenchmarkRekey is what a record costs on its way through a member that rekeys six
// partitions, without Kafka on either side.
func BenchmarkRekey(b *testing.B) {
	lines := lab.Records(b, "lab")
	m := NewMetrics(prometheus.NewRegistry())
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(lines) {
		rekeyers := New(testConfig, []int{0, 1, 2, 3, 4, 5}, discard{}, m, slog.New(slog.DiscardHandler))
		var all sync.WaitGroup
		for partition, r := range rekeyers {
			all.Go(func() {
				for i := partition; i < len(lines); i += 6 {
					if err := r.Take(b.Context(), lines[i], int64(i), pins{}); err != nil {
						b.Error(err)
					}
					if i%500 == 0 {
						r.AfterFetch(b.Context(), false, 0)
					}
				}
				r.AfterFetch(b.Context(), true, 0)
			})
		}
		all.Wait()
	}
}
