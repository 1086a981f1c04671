package offset

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"
)

// newTestCommitter commits one generation's partition 0, which begins at offset 5.
func newTestCommitter(commit func(map[int]Checkpoint) error) *Committer {
	return NewCommitter(CommitterConfig{Topic: "in", Start: map[int]int64{0: 5}, Every: time.Second,
		Commit:   func(_ context.Context, at map[int]Checkpoint) error { return commit(at) },
		Report:   func(error) {},
		Failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "failures"}),
		Log:      slog.New(slog.DiscardHandler)})
}

func TestCommitsOnlyMoveForward(t *testing.T) {
	var got []map[int]Checkpoint
	var broken error
	c := newTestCommitter(func(at map[int]Checkpoint) error {
		got = append(got, maps.Clone(at))
		return broken
	})
	c.Advance(0, Checkpoint{Low: 4}) // behind where the generation began
	if err := c.flush(t.Context()); err != nil || len(got) != 0 {
		t.Fatalf("committed %v: %v", got, err)
	}
	c.Advance(0, Checkpoint{Low: 5}) // committed already
	if err := c.flush(t.Context()); err != nil || len(got) != 0 {
		t.Fatalf("committed %v again: %v", got, err)
	}
	broken = errors.New("coordinator moved")
	if c.Advance(0, Checkpoint{Low: 7}); c.flush(t.Context()) == nil {
		t.Fatal("a failed commit must be told")
	}
	if n := testutil.ToFloat64(c.cfg.Failures); n != 1 {
		t.Errorf("%v failures counted", n)
	}
	broken = nil
	c.Advance(0, Checkpoint{Low: 6}) // behind what is to be committed
	c.Advance(1, Checkpoint{Low: 3})
	c.flush(t.Context())
	if last := got[len(got)-1]; last[0].Low != 7 || last[1].Low != 3 {
		t.Errorf("committed %v, want 0:7 1:3", last)
	}
	c.Advance(0, Checkpoint{Low: 7, Metadata: "more is done above it"})
	if c.flush(t.Context()); got[len(got)-1][0].Metadata == "" {
		t.Error("the low watermark stood still, what is above it did not: not committed")
	}
	n := len(got)
	c.Advance(0, Checkpoint{Low: 7, Metadata: "more is done above it"})
	if c.flush(t.Context()); len(got) != n {
		t.Errorf("committed %v twice", got[n:])
	}
}

// A checkpoint that names a bundle for the first time is committed at once. Where that fails,
// it is tried again no sooner than any other.
func TestANewBundleIsCommittedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, at := time.Now(), make(chan time.Duration, 10)
		var broken atomic.Bool
		c := newTestCommitter(func(map[int]Checkpoint) error {
			at <- time.Since(began)
			if broken.Load() {
				return errors.New("no answer")
			}
			return nil
		})
		ctx, stop := context.WithCancel(t.Context())
		go c.Run(ctx)
		time.Sleep(100 * time.Millisecond)
		names := func(low int64, bundles string) {
			c.Advance(0, Checkpoint{Low: low, Metadata: writersForm + "1700000000 " + bundles})
			synctest.Wait()
		}
		names(5, "a")
		if !slices.Equal(c.Named(0), []string{"a"}) || c.Named(1) != nil {
			t.Errorf("named %q and %q", c.Named(0), c.Named(1))
		}
		names(6, "a") // nothing new
		broken.Store(true)
		names(7, "a,b")
		names(8, "a,b")
		if !slices.Equal(c.Named(0), []string{"a"}) {
			t.Errorf("named %q, while the commit failed", c.Named(0))
		}
		time.Sleep(time.Second)
		broken.Store(false)
		time.Sleep(time.Second)
		stop()
		synctest.Wait()
		close(at)
		var all []time.Duration
		for after := range at {
			all = append(all, after)
		}
		if want := []time.Duration{100 * time.Millisecond, 100 * time.Millisecond, time.Second, 2 * time.Second}; !slices.Equal(all, want) || !slices.Equal(c.Named(0), []string{"a", "b"}) {
			t.Errorf("committed after %v, want %v; named %q", all, want, c.Named(0))
		}
	})
}

// A commit that nobody answers does not keep the partitions from being read; what
// advances meanwhile is committed next.
func TestAHangingCommitHoldsBackNoPartition(t *testing.T) {
	asked, answer := make(chan map[int]Checkpoint), make(chan error)
	c := newTestCommitter(func(at map[int]Checkpoint) error {
		asked <- at
		return <-answer
	})
	flushed := make(chan error)
	flush := func() { go func() { flushed <- c.flush(context.Background()) }() }
	c.Advance(0, Checkpoint{Low: 6})
	flush()
	first := <-asked
	c.Advance(0, Checkpoint{Low: 7})
	answer <- nil
	if err := <-flushed; err != nil || first[0].Low != 6 {
		t.Errorf("committed %v: %v", first, err)
	}
	flush()
	if second := <-asked; second[0].Low != 7 {
		t.Errorf("committed %v, want 7", second)
	}
	answer <- nil
	<-flushed
}

// The last commit of a generation is tried again on new connections, but not where the
// broker gave no answer: that would double the time that the generation takes to end.
func TestTheLastCommitOutlivesBrokenConnections(t *testing.T) {
	for _, test := range []struct {
		fails error
		asked int
		err   bool
	}{{nil, 1, false}, {io.EOF, 2, false}, {context.DeadlineExceeded, 1, true}} {
		asked := 0
		c := newTestCommitter(func(map[int]Checkpoint) error {
			if asked++; asked == 1 {
				return test.fails
			}
			return nil
		})
		c.Advance(0, Checkpoint{Low: 6})
		if err := c.Last(t.Context()); err != nil != test.err || asked != test.asked {
			t.Errorf("%v: asked %d times, want %d: %v", test.fails, asked, test.asked, err)
		}
	}
}

// A commit that the broker refuses says what to grant, as a fetch does.
func TestARefusedCommitSaysWhatToGrant(t *testing.T) {
	c := newTestCommitter(func(map[int]Checkpoint) error { return kafka.TopicAuthorizationFailed })
	c.Advance(0, Checkpoint{Low: 6})
	if err := c.flush(t.Context()); !errors.Is(err, kafka.TopicAuthorizationFailed) || !strings.Contains(err.Error(), "not allowed to read topic in: grant this client READ") {
		t.Errorf("%v", err)
	}
}

// Commits that fail for a while are a reason not to be ready; the first that succeeds
// ends it. A commit under way when the generation ends is not broken off.
func TestRunReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("not coordinator")
		var mu sync.Mutex // of what follows
		var answer error
		var reported []error
		var under context.Context
		set := func(err error) { mu.Lock(); defer mu.Unlock(); answer = err }
		told := func() []error { mu.Lock(); defer mu.Unlock(); return slices.Clone(reported) }
		cfg := newTestCommitter(nil).cfg
		cfg.Commit = func(ctx context.Context, _ map[int]Checkpoint) error {
			mu.Lock()
			defer mu.Unlock()
			under = ctx
			return answer
		}
		cfg.Report = func(err error) { mu.Lock(); defer mu.Unlock(); reported = append(reported, err) }
		set(broken)
		c := NewCommitter(cfg)
		ctx, end := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { c.Run(ctx); close(over) }()
		c.Advance(0, Checkpoint{Low: 6})
		time.Sleep(failingFor + cfg.Every/2) // three have failed, the first since too short a time
		synctest.Wait()
		if len(told()) != 0 {
			t.Errorf("reported too early: %v", told())
		}
		time.Sleep(cfg.Every)
		synctest.Wait()
		if got := told(); len(got) != 1 || !errors.Is(got[0], broken) {
			t.Errorf("reported %v, want the failure", got)
		}
		set(nil)
		time.Sleep(cfg.Every)
		synctest.Wait()
		if got := told(); len(got) != 2 || got[1] != nil {
			t.Errorf("reported %v, want that it is over", got)
		}
		end()
		<-over
		if under.Err() != nil {
			t.Error("the generation's end broke off a commit")
		}
	})
}
