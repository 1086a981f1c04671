package sink

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/sink/producer"
)

// tally counts acknowledgements from any goroutine.
type tally struct{ n atomic.Int64 }

func (a *tally) Ack() { a.n.Add(1) }

func (a *tally) await(t *testing.T, want int64) {
	t.Helper()
	await.Until(t, fmt.Sprint(want, " acknowledgements"), func() bool { return a.n.Load() >= want }, func() any { return a.n.Load() })
}

// start runs a producer until the test ends.
func start(t *testing.T, addr string) *producer.Producer {
	p := producer.New(brokers.Plain("test", addr), 100, producer.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return p
}
