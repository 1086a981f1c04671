package consumer

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/delivery"
)

// blocked is a dead-letter topic that cannot be written for now.
type blocked struct {
	mu     sync.Mutex
	ackers []delivery.Acker
}

func (b *blocked) Put(_ context.Context, l delivery.DeadLetter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ackers = append(b.ackers, l.Acker)
}

func (b *blocked) write() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, acker := range b.ackers {
		acker.Ack()
	}
}

// A dead letter that cannot be written, while labels can, holds the watermark and all
// that is in flight behind it: the partition is not read on before that fills the memory,
// says why, and goes on by itself.
func TestUnwrittenDeadLetterHoldsTheInputBack(t *testing.T) {
	addr, h, dead := fake(t), &harness{}, &blocked{}
	cfg := config(addr)
	cfg.PinBytes = 1 // the least there is: a few blocks
	cfg.FetchBytes = 4 << 10
	lines := [][]byte{[]byte("bad")}
	const flows = 4000
	for i := range flows {
		lines = append(lines, line(fmt.Sprint("f", i), 1, float64(i)/1e3), line(fmt.Sprint("f", i), 2, float64(i)/1e3))
		if len(lines) >= 100 { // small batches, so that one fetch does not bring all
			send(t, addr, lines...)
			lines = nil
		}
	}
	send(t, addr, append(lines, line("last", 1, 9), line("last", 2, 9))...)
	c := New(cfg, func() assembler.Decider { return h }, dead, NewMetrics(prometheus.NewRegistry()), quiet())
	start(t, c)
	await.Until(t, "the input is held back", func() bool {
		err := c.Ready()
		return err != nil && strings.Contains(err.Error(), "not read on")
	})
	if strings.Contains(h.seen(), "last") {
		t.Error("everything was read although the first record is not done with")
	}
	dead.write()
	await.Until(t, "it goes on", func() bool { return strings.Contains(h.seen(), "last/2") && c.Ready() == nil }, func() any { return c.Ready() })
}
