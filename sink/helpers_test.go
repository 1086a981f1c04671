package sink

import (
	"context"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/sink/producer"
)

// start runs a producer until the test ends.
func start(t *testing.T, addr string) *producer.Producer {
	p := producer.New(brokers.Plain("test", addr), 100, producer.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return p
}
