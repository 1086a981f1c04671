package consumer

import (
	"errors"
	"io"
	"log/slog"
	"maps"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestLowWatermark(t *testing.T) {
	p := &pins{}
	if p.next = 10; p.low() != 10 {
		t.Errorf("nothing held: %d", p.low())
	}
	p.next = 11
	first := p.take()
	p.next = 15
	second := p.take()
	p.next = 20
	if p.low() != 10 || p.unacked() != 2 {
		t.Errorf("two held: low %d, %d unacked", p.low(), p.unacked())
	}
	second.Ack()
	if p.low() != 10 || p.unacked() != 1 {
		t.Errorf("the first still holds: low %d, %d unacked", p.low(), p.unacked())
	}
	first.Ack()
	first.Ack() // twice does no harm
	if p.low() != 20 {
		t.Errorf("all let go: %d", p.low())
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestCommitsOnlyMoveForwardAndEndWithTheGeneration(t *testing.T) {
	var got []map[int]place
	var broken error
	c := newCommitter("in", map[int]int64{0: 5}, func(places map[int]place) error {
		got = append(got, maps.Clone(places))
		return broken
	}, newPartitionMetrics(prometheus.NewRegistry(), "serveflow"), quiet())
	c.advance(0, place{low: 4}) // behind what is committed
	if c.flush(); len(got) != 0 {
		t.Fatalf("committed %v", got)
	}
	broken = errors.New("coordinator moved")
	if c.advance(0, place{low: 7}); c.flush() == nil {
		t.Fatal("a failed commit must be told")
	}
	broken = nil
	c.advance(0, place{low: 6}) // behind what is to be committed
	c.advance(1, place{low: 3})
	c.flush()
	if last := got[len(got)-1]; last[0].low != 7 || last[1].low != 3 {
		t.Errorf("committed %v, want 0:7 1:3", last)
	}
	c.advance(0, place{low: 7, note: "more is done above it"})
	if c.flush(); got[len(got)-1][0].note == "" {
		t.Error("the low watermark stood still, what is above it did not: not committed")
	}
	n := len(got)
	c.revoke()
	c.advance(0, place{low: 99})
	if c.flush(); len(got) != n {
		t.Errorf("committed %v for partitions that are no longer ours", got[n:])
	}
}
