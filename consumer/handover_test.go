package consumer

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// gate is a decider whose labels cannot be written while it is shut.
type gate struct {
	harness *harness
	open    chan struct{}

	mu      sync.Mutex
	waiting int
	closed  int
}

// ended is how many deciders have let go of their flows.
func (g *gate) ended() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

func (g *gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed++
}

func (g *gate) Decide(ctx context.Context, f *flow.Flow) bool {
	g.wait(1)
	defer g.wait(-1)
	select {
	case <-g.open:
		return g.harness.Decide(ctx, f)
	case <-ctx.Done():
		return true // on its way, but never acknowledged
	}
}

func (g *gate) wait(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting += n
}

func (g *gate) blocked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting
}

// While labels cannot be written, a second member gets its partitions all the same: the
// first one's goroutines wait in the middle of a label, and the end of the generation
// reaches them there. Nothing is committed that is not labelled, and nothing is lost.
// With a session of five minutes, a handover that waited for it would never be seen.
func TestRebalanceWhileLabelsCannotBeWritten(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(2, "in"))
	const flows = 200
	var lines [][]byte
	for i := range flows {
		lines = append(lines, line(fmt.Sprint("f", i), 1, float64(i)/1e3), line(fmt.Sprint("f", i), 2, float64(i)/1e3))
	}
	spread(t, addr, lines)
	cfg := config(addr)
	cfg.SessionTimeout, cfg.Flow.Limits.Flows = 5*time.Minute, flows
	g := &gate{harness: &harness{}, open: make(chan struct{})}
	newMember := func() *Consumer {
		return New(cfg, func() assembler.Decider { return g }, g.harness, NewMetrics(prometheus.NewRegistry()), quiet())
	}
	first := newMember()
	start(t, first)
	await.Until(t, "both partitions are held back", func() bool { return g.blocked() == 2 })
	second := newMember()
	start(t, second)
	await.Until(t, "each member holds a partition", func() bool {
		return g.blocked() == 2 && assigned(first) == 1 && assigned(second) == 1
	}, func() any { return fmt.Sprint(assigned(first), " and ", assigned(second), " partitions") })
	if n := g.ended(); n < 2 {
		t.Errorf("%d deciders are closed, and the two of the first generation decide nothing more", n)
	}
	for partition, offset := range kafkatest.CommittedOffsets(t, addr, "g", "in") {
		if offset > 0 {
			t.Errorf("partition %d: committed %d, and nothing is labelled", partition, offset)
		}
	}
	if g.harness.seen() != "" {
		t.Errorf("labelled: %s", g.harness.seen())
	}
	close(g.open)
	await.Until(t, "all flows are labelled", func() bool { return len(strings.Fields(g.harness.seen())) >= flows })
	await.Until(t, "all is committed", func() bool {
		sum := int64(0)
		for _, offset := range kafkatest.CommittedOffsets(t, addr, "g", "in") {
			sum += offset
		}
		return sum == 2*flows
	})
	seen := map[string]int{}
	for _, label := range strings.Fields(g.harness.seen()) {
		seen[label]++
	}
	for i := range flows {
		if n := seen[fmt.Sprintf("f%d/2", i)]; n != 1 {
			t.Errorf("flow f%d has %d labels", i, n)
		}
	}
}
