package consumer

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/internal/brokers"
)

// still is an intake that holds nothing on purpose.
type still struct{ intake }

func (still) Open() int { return 0 }

// A partition that was blocked while its generation ended, by a full queue, has used
// up its time to drain: it does not begin anew.
func TestDrainIsCountedFromTheEndOfTheGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConsumer(Config{Cluster: brokers.Plain("test", "nowhere:1"), DrainTimeout: 10 * time.Second}, nil, nil, NewMetrics(prometheus.NewRegistry()).partitionMetrics, slog.New(slog.NewTextHandler(io.Discard, nil)))
		ctx, cancel := context.WithCancel(context.Background())
		p := newPartition(c, 0, offsets{}, still{}, nil)
		p.pins.next = 1
		p.pin() // a label that nobody acknowledges
		cancel()
		began := time.Now()
		p.finish(began.Add(-8 * time.Second))
		if took := time.Since(began).Round(time.Second); took != 2*time.Second {
			t.Errorf("waited %v, want what is left of 10 s after 8 s", took)
		}
		p.run(ctx)
		if took := time.Since(began).Round(time.Second); took != 12*time.Second {
			t.Errorf("a partition that is free waits %v, want 10 s more", took)
		}
	})
}
