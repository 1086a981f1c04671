package consumer

import (
	"context"
	"fmt"
	"math/rand"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// Pins of many blocks, let go of in any order, with offsets that leap.
func TestPinsOfManyBlocks(t *testing.T) {
	p, rng := &pins{}, rand.New(rand.NewSource(1))
	held := map[int64]flow.Acker{}
	lowest := func() int64 {
		least := p.next
		for offset := range held {
			least = min(least, offset)
		}
		return least
	}
	for i := range 3000 {
		p.next += 1 + rng.Int63n(3)
		if i%1000 == 999 {
			p.next += 3 << 32 // a topic whose older records were deleted
		}
		held[p.next-1] = p.take()
		for offset, pin := range held {
			if rng.Intn(3) == 0 {
				pin.Ack()
				delete(held, offset)
			}
			break
		}
		if i%100 == 0 && (p.low() != lowest() || p.unacked() != len(held)) {
			t.Fatalf("after %d: low %d, want %d; %d unacked, want %d", i, p.low(), lowest(), p.unacked(), len(held))
		}
	}
	for _, pin := range held {
		pin.Ack()
	}
	if p.low() != p.next || p.unacked() != 0 || len(p.held) != 0 {
		t.Errorf("all let go: low %d of %d, %d blocks", p.low(), p.next, len(p.held))
	}
}

// One pin that is never let go of keeps those behind it: they must be as small as
// the memory's division takes them for.
func TestPinsAreAsSmallAsPromised(t *testing.T) {
	live := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	const n = 2_000_000
	before, p := live(), &pins{}
	for i := range n {
		p.next++
		if pin := p.take(); i > 0 {
			pin.Ack()
		}
		if i%1000 == 0 {
			p.low()
		}
	}
	if each := float64(live()-before) / n; each > pinBytes {
		t.Errorf("a pin takes %.1f bytes, counted are %d", each, pinBytes)
	}
	if p.low() != 0 {
		t.Errorf("the first is held and the watermark is %d", p.low())
	}
}

// blocked is a dead-letter topic that cannot be written for now.
type blocked struct {
	mu   sync.Mutex
	held []flow.Acker
}

func (u *blocked) Bury(_ context.Context, r BadRecord) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.held = append(u.held, r.Pin)
}

func (u *blocked) write() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, pin := range u.held {
		pin.Ack()
	}
}

// A dead letter that cannot be written, while labels can, holds the watermark and all
// pins behind it: the partition is not read on before they fill the memory, says why,
// and goes on by itself.
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
	c := New(cfg, func() Decider { return h }, dead, NewMetrics(prometheus.NewRegistry()), quiet())
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error)
	go func() { stopped <- c.Run(ctx) }()
	wait := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain: %s; not ready because %v", what, c.Ready())
			}
		}
	}
	held := func() bool { err := c.Ready(); return err != nil && strings.Contains(err.Error(), "not read on") }
	wait("the input is held back", held)
	if strings.Contains(h.seen(), "last") {
		t.Error("everything was read although the first record is not done with")
	}
	dead.write()
	wait("it goes on", func() bool { return strings.Contains(h.seen(), "last/2") && c.Ready() == nil })
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// Flows that stay open fill no more than half of the room: the oldest is decided
// before the partition would have to stop for it.
func TestOpenFlowsNeverHoldTheInputBack(t *testing.T) {
	for _, bytes := range []int{1, 10_000, 100_000} {
		cfg := config("")
		cfg.PinBytes, cfg.Flow.Flows, cfg.Flow.Bytes = bytes, 1<<20, 1<<30
		h := &harness{}
		w := NewWorker(cfg.share(1), zeek.Limits{}, h, NewMetrics(prometheus.NewRegistry()))
		p := &pins{most: cfg.pinShare(1)}
		for i := range 3 * (p.most + pinsABlock) {
			p.next++
			if err := w.Take(line(fmt.Sprint("f", i), 1, 0), p.take); err != nil {
				t.Fatal(err)
			}
			if p.low(); p.full() {
				t.Fatalf("%d bytes for pins: full after %d flows, the oldest is still open", bytes, i)
			}
		}
		if len(h.labels) == 0 {
			t.Errorf("%d bytes for pins: nothing was decided", bytes)
		}
	}
}
