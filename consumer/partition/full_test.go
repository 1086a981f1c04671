package partition

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serveflow/serveflow/consumer/offset"
	"github.com/serveflow/serveflow/internal/delivery"
)

// fullTest is a partition with as much in flight as it may have. It has no connection:
// a fetch would panic.
func fullTest(cfg Config) (p *Partition, h *handler, write func()) {
	p, h, _ = newTest(cfg)
	p.deps.InFlight = offset.NewInFlight(1)
	var all []delivery.Acker
	for n := int64(100); !p.deps.InFlight.Full(); n++ {
		all = append(all, p.deps.InFlight.Pin(n))
		p.deps.InFlight.Advance(n + 1)
	}
	return p, h, func() {
		for _, acker := range all {
			acker.Ack()
		}
	}
}

// A full partition is not read on, says why, and looks again after a while.
func TestFullPartitionWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h, write := fullTest(Config{CommitEvery: time.Hour, MaxWait: time.Second})
		var reported []string
		p.deps.Report = func(partition int, err error) {
			if partition != 3 {
				t.Errorf("reported of partition %d", partition)
			}
			reported = append(reported, text(err))
		}
		began := time.Now()
		for range 2 {
			if err := p.step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		const why = "consumer: in/3 is not read on: what came of its offset 100 is not written, and 254 records behind it wait"
		if !slices.Equal(reported, []string{why, why}) {
			t.Errorf("reported %q, want twice %q", reported, why)
		}
		if took := time.Since(began); took != 2*fullPause {
			t.Errorf("looked again after %v, want %v", took/2, fullPause)
		}
		if !slices.Equal(h.waited, []time.Duration{0, 0}) {
			t.Errorf("told the handler of waits: %v", h.waited)
		}
		time.AfterFunc(fullPause/2, write)
		if err := p.step(t.Context()); err != nil || len(reported) != 4 || reported[3] != "" {
			t.Errorf("written, and reported %q: %v", reported, err)
		}
		if waited := p.waited(true, time.Now().Add(time.Millisecond)); waited != time.Millisecond {
			t.Errorf("%v in which it was full count as a wait for records", waited)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began = time.Now()
		if p.waitForRoom(ctx, 0); time.Since(began) != 0 {
			t.Error("waits on after its generation")
		}
	})
}

// A checkpoint costs more the more is in flight, so the committer is told now and then:
// four times as often as it commits.
func TestCheckpointsAreToldNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _ := fullTest(Config{CommitEvery: 8 * fullPause})
		began := time.Now()
		var told []time.Duration
		p.deps.Committer = advancer(func(partition int, at offset.Checkpoint) {
			if partition != 3 || at.Low != 100 {
				t.Errorf("partition %d told %+v", partition, at)
			}
			told = append(told, time.Since(began)/fullPause)
		})
		for range 10 {
			p.step(t.Context())
		}
		if !slices.Equal(told, []time.Duration{1, 4, 7, 10}) { // more than two pauses apart
			t.Errorf("told after so many pauses: %d", told)
		}
	})
}

type advancer func(int, offset.Checkpoint)

func (a advancer) Advance(partition int, at offset.Checkpoint) { a(partition, at) }
func (a advancer) Named(int) []string                          { return nil }
