package partition

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/offset"
)

// minutely is when n records were written: the last one a minute ago, each a minute after
// the one before.
func minutely(n int) (all []time.Time) {
	for i := range n {
		all = append(all, time.Now().Add(-time.Duration(n-i)*time.Minute))
	}
	return all
}

// A partition warms up on the records below its checkpoint: no more than the setting says,
// none that was deleted, and none from before the time that a finished flow is remembered.
// It then goes on at the checkpoint.
func TestWarmUp(t *testing.T) {
	numbers := strings.Fields("0 1 2 3 4 5 6 7 8 9 10 11")
	for name, test := range map[string]struct {
		records int64
		age     time.Duration
		first   int64
		value   int // longest value
		low     int64
		want    []string
	}{
		"all":                             {1000, time.Hour, 0, 100, 8, numbers[:8]},
		"the last three":                  {3, time.Hour, 0, 100, 8, numbers[5:8]},
		"of two minutes and a half":       {1000, 150 * time.Second, 0, 100, 8, numbers[5:8]},
		"older ones were deleted":         {1000, time.Hour, 6, 100, 8, numbers[6:8]},
		"there are none":                  {1000, time.Hour, 0, 100, 0, nil},
		"those that cannot be taken, too": {1000, time.Hour, 0, 1, 12, numbers[:10]},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBrokerTest(t, Config{WarmUpRecords: test.records, WarmUpAge: test.age, Limits: fetch.Limits{Value: test.value, Excerpt: 100}}, minutely(12)...)
			p := b.partition
			p.deps.InFlight.Resume(offset.Checkpoint{Low: test.low})
			if _, _, err := p.fetcher.open(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := p.warmUp(t.Context(), test.first); err != nil || !slices.Equal(b.handler.warmed, test.want) {
				t.Errorf("warmed up on %q, want %q: %v", b.handler.warmed, test.want, err)
			}
			if len(b.handler.taken) != 0 || p.deps.InFlight.Next() != test.low {
				t.Errorf("took %q; next is %d", b.handler.taken, p.deps.InFlight.Next())
			}
		})
	}
}

// Where nothing is to be warmed up on, no broker is asked for it.
func TestNoWarmUp(t *testing.T) {
	b := newBrokerTest(t, Config{WarmUpAge: time.Hour}, minutely(3)...)
	b.committed.at.Low = 2
	b.fail(kmsg.Fetch, always)
	if err := b.partition.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A partition resumes once, and warms up once: where the connection breaks meanwhile, it
// goes on where it was.
func TestBeginAgain(t *testing.T) {
	b := newBrokerTest(t, Config{WarmUpRecords: 1000, WarmUpAge: time.Hour, FetchBytes: 1}, minutely(10)...)
	p := b.partition
	b.committed.at.Low = 8
	b.fail(kmsg.Fetch, func(n int) bool { return n == 5 })
	if err := p.begin(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "consumer: read back in/0: ") {
		t.Fatalf("the connection broke: %v", err)
	}
	if n := len(b.handler.warmed); n != 3 {
		t.Fatalf("warmed up on %d records before the connection broke", n)
	}
	b.committed.err = errors.New("asked again")
	p.rested = time.Now().Add(-time.Hour)
	for range 2 {
		if err := p.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if want := strings.Fields("0 1 2 3 4 5 6 7"); !slices.Equal(b.handler.warmed, want) {
		t.Errorf("warmed up on %q, want %q", b.handler.warmed, want)
	}
	p.cfg.MaxWait = time.Hour
	if waited := p.waited(true, time.Now()); waited > 30*time.Minute {
		t.Errorf("%v without a connection count as a wait for records", waited)
	}
	for range 2 {
		if err := p.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"8", "9"}; !slices.Equal(b.handler.taken, want) {
		t.Errorf("took %q, want %q", b.handler.taken, want)
	}
}

// A generation that ends stops a warm-up.
func TestTheEndOfAGenerationStopsAWarmUp(t *testing.T) {
	b := newBrokerTest(t, Config{WarmUpRecords: 1000, WarmUpAge: time.Hour}, minutely(10)...)
	b.committed.at.Low = 8
	ctx, cancel := context.WithCancel(t.Context())
	b.handler.onWarmUp = cancel
	if err := b.partition.begin(ctx); !errors.Is(err, context.Canceled) || len(b.handler.warmed) != 1 {
		t.Errorf("warmed up on %q: %v", b.handler.warmed, err)
	}
}

// A partition that nobody has read begins at the log's first record; one that was read
// begins at its checkpoint, though that be 0 and the record there deleted.
func TestResume(t *testing.T) {
	for low, want := range map[int64]int64{-1: 5, 0: 0, 3: 3, 7: 7} {
		b := newBrokerTest(t, Config{})
		b.committed.at.Low = low
		if err := b.partition.resume(t.Context(), 5, 100); err != nil || b.partition.deps.InFlight.Next() != want {
			t.Errorf("committed %d: begins at %d, want %d: %v", low, b.partition.deps.InFlight.Next(), want, err)
		}
	}
}

// A partition does not begin without its checkpoint, or where that lies outside the log.
func TestBeginFails(t *testing.T) {
	b := newBrokerTest(t, Config{WarmUpRecords: 10}, minutely(3)...)
	p := b.partition
	b.committed.err = kafka.GroupCoordinatorNotAvailable
	if err := p.begin(t.Context()); !errors.Is(err, kafka.GroupCoordinatorNotAvailable) || p.resumed {
		t.Errorf("resumed: %t, %v", p.resumed, err)
	}
	b.committed.at.Low, b.committed.err = 4, nil
	if err := p.begin(t.Context()); err == nil || !strings.Contains(err.Error(), "lies past the log's end 3") || !p.resumed {
		t.Errorf("resumed: %t, %v", p.resumed, err)
	}
	b.fail(kmsg.Metadata, always)
	if err := p.begin(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "consumer: connect to the leader of in/0: ") {
		t.Error(err)
	}
}
