package faults

import (
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// What befalls the members of the group.
func TestFaultsProcess(t *testing.T) {
	group(t)
	broker := kafkatest.Start(t)
	run(t, "kill -9 of one of 3 members", "lost 0, duplicates at most 2%, all equal", func(t *testing.T, r *row) {
		s := newScene(t, setup{brokers: []string{broker.Addr}, partitions: 12})
		s.start(3)
		s.await()
		s.send(traffic{flows: choose(5000, 1_000_000), rate: 500})
		time.Sleep(2 * time.Second)
		s.settle(90 * time.Second)
		r.hold(t, s.finish(), limits{duplicates: 0.02})
	})
}
