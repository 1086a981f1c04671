package consumer

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/consumer/offset"
	"github.com/serveflow/serveflow/flow/zeek"
)

// The limits of a process are divided among its partitions.
func TestShares(t *testing.T) {
	cfg := config("")
	cfg.Flow.Limits.Flows, cfg.Flow.Limits.Bytes, cfg.Flow.Limits.Finished = 90, 90<<10, 900
	cfg.PinRecords, cfg.PinBytes = 1000, 90_000
	one, three := cfg.flowShare(1).Limits, cfg.flowShare(3).Limits
	if one.Flows != 90 || three.Flows != 30 || one.Bytes != 90<<10 || three.Bytes != 30<<10 || one.Finished != 900 || three.Finished != 300 {
		t.Errorf("one partition gets %+v, each of three %+v", one, three)
	}
	if cfg.pinShare(1) != 10_000 || cfg.pinShare(3) != 3333 || cfg.pinShare(1000) != offset.LeastLimit {
		t.Errorf("offsets in flight: %d, %d, %d", cfg.pinShare(1), cfg.pinShare(3), cfg.pinShare(1000))
	}
	if one.Records != 1000 || three.Records != 1000 || cfg.flowShare(10).Limits.Records != 500 {
		t.Errorf("records that may come while a flow is open: %d, %d, %d", one.Records, three.Records, cfg.flowShare(10).Limits.Records)
	}
	if many := cfg.flowShare(1000).Limits; many.Flows != 1 || many.Bytes != 1<<10 || many.Finished != 1 {
		t.Errorf("each of a thousand gets %+v", many)
	}
	if cfg.PinBytes = 0; cfg.pinShare(3) != 0 || cfg.flowShare(10).Limits.Records != 1000 {
		t.Error("there is a limit where none is set")
	}
}

// Flows that stay open fill no more than half of the room: the oldest is decided before
// the partition would have to stop for it.
func TestOpenFlowsNeverHoldTheInputBack(t *testing.T) {
	for _, bytes := range []int{1, 10_000, 100_000} {
		cfg := config("")
		cfg.PinBytes, cfg.Flow.Limits.Flows, cfg.Flow.Limits.Bytes = bytes, 1<<20, 1<<30
		h := &harness{}
		a := assembler.New(cfg.flowShare(1), zeek.Limits{}, 0, h, assembler.NewMetrics(prometheus.NewRegistry()))
		limit := cfg.pinShare(1)
		in := offset.NewInFlight(limit)
		for i := range int64(3 * (limit + offset.LeastLimit)) {
			if err := a.Take(t.Context(), line(fmt.Sprint("f", i), 1, 0), i, in); err != nil {
				t.Fatal(err)
			}
			in.Advance(i + 1)
			if in.Low(); in.Full() {
				t.Fatalf("%d bytes for offsets in flight: full after %d flows, the oldest is still open", bytes, i)
			}
		}
		if len(h.labels) == 0 {
			t.Errorf("%d bytes for offsets in flight: nothing was decided", bytes)
		}
	}
}
