package partition

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/offset"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// checkpoint is what the group has committed.
type checkpoint struct {
	at  offset.Checkpoint
	err error
}

func (c *checkpoint) Read(_ context.Context, partition int) (offset.Checkpoint, error) {
	if partition != 0 {
		return offset.Checkpoint{}, errors.New("not partition 0")
	}
	return c.at, c.err
}

// brokerTest is partition 0 of topic in, on a broker that is told how to answer.
type brokerTest struct {
	addr      string
	cluster   *kfake.Cluster
	partition *Partition
	handler   *handler
	committed *checkpoint

	mu       sync.Mutex
	reported []error // what was reported, but for what was reported just before
}

// newBrokerTest writes numbered records, each a batch of its own, at these times.
func newBrokerTest(t *testing.T, cfg Config, written ...time.Time) *brokerTest {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	sendAt(t, addr, written...)
	p, h, _ := newTest(Config{})
	cfg.Topic, cfg.Group, cfg.Cluster, cfg.MaxWait = "in", "g", brokers.Plain("test", addr), 10*time.Millisecond
	if cfg.Limits.Value == 0 {
		cfg.Limits = fetch.Limits{Value: 1000, Excerpt: 1000}
	}
	if cfg.FetchBytes == 0 {
		cfg.FetchBytes = 1 << 20
	}
	b := &brokerTest{addr: addr, cluster: cluster, handler: h, committed: &checkpoint{at: offset.Checkpoint{Low: -1}}}
	client, done := cfg.Cluster.Client()
	deps := p.deps
	deps.Client, deps.Checkpoints, deps.Report = client, b.committed, b.report
	b.partition = New(&cfg, 0, deps)
	t.Cleanup(func() {
		b.partition.fetcher.close()
		done()
	})
	return b
}

func (b *brokerTest) report(partition int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if partition != 0 {
		err = fmt.Errorf("of partition %d: %w", partition, err)
	}
	if n := len(b.reported); n == 0 || text(b.reported[n-1]) != text(err) {
		b.reported = append(b.reported, err)
	}
}

func (b *brokerTest) reports() []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.reported)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// fail breaks the connection over which a request of an API comes, where which says so of
// the number of such requests so far.
func (b *brokerTest) fail(key kmsg.Key, which func(n int) bool) {
	n := 0
	b.cluster.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		n++
		return nil, errors.New("the connection breaks"), which(n)
	})
}

func always(int) bool { return true }

func now(n int) (all []time.Time) {
	for range n {
		all = append(all, time.Now())
	}
	return all
}

func TestOpen(t *testing.T) {
	b := newBrokerTest(t, Config{FetchBytes: 1000}, now(3)...)
	f := b.partition.fetcher
	ctx, cancel := context.WithCancel(t.Context())
	if first, end, err := f.open(ctx); err != nil || first != 0 || end != 3 {
		t.Fatalf("offsets %d to %d, %v", first, end, err)
	}
	if f.request.Version != fetch.New || f.request.MaxBytes != 1000 || f.conn.timeout != 10*time.Millisecond+exchangeTimeout {
		t.Errorf("version %d, %d bytes, %v a read", f.request.Version, f.request.MaxBytes, f.conn.timeout)
	}
	old := f.conn
	if _, _, err := f.open(ctx); err != nil || f.conn == old {
		t.Fatalf("opened again: %v", err)
	}
	if _, err := old.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection before is still open: %v", err)
	}
	f.cfg.FetchBytes = 1 << 20
	if _, _, err := f.open(ctx); err != nil || f.request.MaxBytes != leastFetchBytes {
		t.Errorf("%d bytes: %v", f.request.MaxBytes, err)
	}
	last := f.conn
	cancel() // and nobody closes it
	await.Until(t, "the connection to end with its context", func() bool {
		_, err := last.Read(make([]byte, 1))
		return errors.Is(err, net.ErrClosed)
	})
	f.close()
	f.close() // twice does no harm
	if f.conn != nil {
		t.Error("closed, and it has a connection")
	}
}

// Each way in which a connection to the leader fails is told by name.
func TestOpenFails(t *testing.T) {
	for name, test := range map[string]struct {
		key  kmsg.Key
		last bool // only the last of the requests of a good open
		want string
	}{
		"no leader is known":       {kmsg.Metadata, false, "consumer: connect to the leader of in/0: "},
		"no version is told":       {kmsg.ApiVersions, true, "consumer: ask the leader of in/0 what it speaks: "},
		"the offsets are not told": {kmsg.ListOffsets, false, "consumer: read the offsets of in/0: "},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBrokerTest(t, Config{})
			var asked, limit atomic.Int64
			b.fail(test.key, func(n int) bool {
				asked.Store(int64(n))
				return limit.Load() > 0 && int64(n) >= limit.Load()
			})
			if _, _, err := b.partition.fetcher.open(t.Context()); err != nil {
				t.Fatal(err)
			}
			first := asked.Load()
			if limit.Store(first + 1); test.last {
				limit.Store(2 * first)
			}
			if begin, end, err := b.partition.fetcher.open(t.Context()); !strings.HasPrefix(text(err), test.want) || begin != 0 || end != 0 {
				t.Errorf("offsets %d to %d, %v; want %s", begin, end, err, test.want)
			}
		})
	}
}

// A partition that cannot be read says why, tries again and again, and says when it is
// over. Each failure is counted.
func TestRunFails(t *testing.T) {
	b := newBrokerTest(t, Config{DrainTimeout: time.Second}, now(2)...)
	b.fail(kmsg.Fetch, func(n int) bool { return n <= 2 })
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { b.partition.Run(ctx); close(over) }()
	await.Until(t, "that it is read after all", func() bool { all := b.reports(); return len(all) > 1 && all[len(all)-1] == nil })
	cancel()
	<-over
	all := b.reports()
	if len(all) > 3 || !strings.HasPrefix(text(all[0]), "consumer: cannot read in/0: ") {
		t.Errorf("reported %v", all)
	}
	if n := testutil.ToFloat64(b.partition.deps.Metrics.fetchFailures); n != 2 {
		t.Errorf("%v failures counted, want 2", n)
	}
	if !slices.Equal(b.handler.taken, []string{"0", "1"}) {
		t.Errorf("took %q", b.handler.taken)
	}
	if last := b.partition.deps.Committer.(*committed).last; last.Low != 2 {
		t.Errorf("told %+v at last, want 2", last)
	}
	if b.partition.fetcher.conn != nil {
		t.Error("the connection is left open")
	}
}

// A step takes what one fetch brings, tells the handler, and shows how far it has come.
func TestStep(t *testing.T) {
	b := newBrokerTest(t, Config{}, now(3)...)
	p := b.partition
	if err := p.begin(t.Context()); err != nil || len(b.reports()) != 0 {
		t.Fatalf("%v; reported %v before anything was read", err, b.reports())
	}
	if err := p.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.handler.taken, []string{"0", "1", "2"}) || len(b.handler.waited) != 1 {
		t.Errorf("took %q; told of %d fetches", b.handler.taken, len(b.handler.waited))
	}
	if all := b.reports(); len(all) != 1 || all[0] != nil {
		t.Errorf("reported %v, want that it is read", all)
	}
	m := p.deps.Metrics
	if next, low := testutil.ToFloat64(m.next.WithLabelValues("0")), testutil.ToFloat64(m.low.WithLabelValues("0")); next != 3 || low != 3 {
		t.Errorf("the gauges say next %v, low %v", next, low)
	}
	b.fail(kmsg.Fetch, always)
	if err := p.step(t.Context()); err == nil || len(b.handler.waited) != 2 || b.handler.waited[1] != 0 {
		t.Errorf("a fetch fails: %v; told of waits %v", err, b.handler.waited)
	}
}

// A generation that ends is not read to the end of its last fetch.
func TestTheEndOfAGenerationStopsAFetch(t *testing.T) {
	b := newBrokerTest(t, Config{}, now(3)...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := b.partition.begin(ctx); err != nil {
		t.Fatal(err)
	}
	b.handler.onTake = cancel
	if err := b.partition.step(ctx); !errors.Is(err, context.Canceled) || !slices.Equal(b.handler.taken, []string{"0"}) {
		t.Errorf("took %q, %v", b.handler.taken, err)
	}
	if next := b.partition.deps.InFlight.Next(); next != 1 {
		t.Errorf("next is %d", next)
	}
}

// Bad records and what could not even be read are counted by reason.
func TestUnreadReasonsAreCounted(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg, "serveflow")
	p, _, dead := newTest(Config{})
	p.deps.Metrics = m
	for i, reason := range fetch.Reasons() {
		p.take(t.Context(), &fetch.Record{Offset: int64(i), Last: int64(i), Err: &fetch.Error{Reason: reason}})
	}
	if n, err := testutil.GatherAndCount(reg, "serveflow_unread_total"); n != len(fetch.Reasons()) || err != nil {
		t.Errorf("%d series, %v", n, err)
	}
	for i, reason := range fetch.Reasons() {
		if n := testutil.ToFloat64(m.unread[reason]); n != 1 || dead.got[i].Reason != reason {
			t.Errorf("%s is counted %v times; the dead letter says %s", reason, n, dead.got[i].Reason)
		}
	}
}
