package partition

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/serveflow/serveflow/consumer/backlog"
	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/offset"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/delivery"
)

// handler takes every record but those that say "bad".
type handler struct {
	taken, warmed []string
	waited        []time.Duration
	open          int
	onTake        func() // is called for each record taken, where it is not nil
	onWarmUp      func() // is called for each record of a warm-up, where it is not nil
}

func (h *handler) Take(_ context.Context, value []byte, _ int64, _ delivery.Pinner) error {
	if string(value) == "bad" {
		return &zeek.Error{Reason: zeek.BadSyntax}
	}
	h.taken = append(h.taken, string(value))
	if h.onTake != nil {
		h.onTake()
	}
	return nil
}

func (h *handler) WarmUp(_ context.Context, value []byte) {
	h.warmed = append(h.warmed, string(value))
	if h.onWarmUp != nil {
		h.onWarmUp()
	}
}

func (h *handler) AfterFetch(_ context.Context, _ bool, waited time.Duration) {
	h.waited = append(h.waited, waited)
}

func (h *handler) Open() int { return h.open }

// unwritten is a dead-letter topic that is not written yet.
type unwritten struct{ got []delivery.DeadLetter }

func (u *unwritten) Put(_ context.Context, l delivery.DeadLetter) { u.got = append(u.got, l) }

// committed keeps the last checkpoint.
type committed struct {
	last  offset.Checkpoint
	told  int      // how often it was told one
	names []string // that the last commit has
}

func (c *committed) Advance(_ int, at offset.Checkpoint) { c.last, c.told = at, c.told+1 }
func (c *committed) Named(int) []string                  { return c.names }

// newTest builds partition 3 of topic in, which talks to no broker.
func newTest(cfg Config) (*Partition, *handler, *unwritten) {
	cfg.Topic, cfg.Cluster = "in", brokers.Plain("test", "nowhere:1")
	h, dead := &handler{}, &unwritten{}
	return New(&cfg, 3, Dependencies{Handler: h, DeadLetters: dead, InFlight: offset.NewInFlight(0), Committer: &committed{},
		Memory: fetch.NewMemory(), Metrics: NewMetrics(prometheus.NewRegistry(), "serveflow"), Backlog: backlog.New(backlog.NewMetrics(prometheus.NewRegistry(), "test")), Report: func(int, error) {}, Log: slog.New(slog.DiscardHandler)}), h, dead
}

// What could not be read of a batch holds the watermark at its first offset until its
// dead letter is written, and is then passed by as a whole.
func TestUnreadBatchIsPinned(t *testing.T) {
	p, _, dead := newTest(Config{})
	p.take(t.Context(), &fetch.Record{Offset: 5, Last: 9, Value: []byte("packed"), Size: 100, Err: &fetch.Error{Reason: fetch.BadCRC}})
	p.take(t.Context(), &fetch.Record{Offset: 10, Last: 10, Value: []byte("bad"), Size: 3})
	in := p.deps.InFlight
	if in.Low() != 5 || in.Next() != 11 || len(dead.got) != 2 {
		t.Fatalf("low %d, next %d, %d dead letters", in.Low(), in.Next(), len(dead.got))
	}
	batch, record := dead.got[0], dead.got[1]
	if batch.Topic != "in" || batch.Partition != 3 || batch.Offset != 5 || batch.Offsets != 5 || batch.Reason != "crc" ||
		batch.Stage != "fetch" || batch.Size != 100 || !batch.Cut || string(batch.Value) != "packed" {
		t.Errorf("the batch: %+v", batch)
	}
	if record.Offset != 10 || record.Offsets != 1 || record.Reason != "syntax" || record.Stage != "decode" || record.Size != 3 || record.Cut {
		t.Errorf("the record: %+v", record)
	}
	if n := testutil.ToFloat64(p.deps.Metrics.unread[fetch.BadCRC]); n != 1 {
		t.Errorf("%v unread batches counted", n)
	}
	batch.Acker.Ack()
	if in.Low() != 10 {
		t.Errorf("low %d when the batch is written", in.Low())
	}
	record.Acker.Ack()
	if in.Low() != 11 {
		t.Errorf("low %d when all is written", in.Low())
	}
}

// Records that the checkpoint says are finished are not taken again: neither labelled,
// nor sent to the dead letters.
func TestFinishedRecordsWarmUp(t *testing.T) {
	p, h, dead := newTest(Config{})
	before := offset.NewInFlight(0)
	before.Pin(5)
	before.Advance(8)
	p.deps.InFlight.Resume(before.Checkpoint())
	for i, value := range []string{"open", "done", "bad", "new"} {
		at := int64(5 + i)
		p.take(t.Context(), &fetch.Record{Offset: at, Last: at, Value: []byte(value)})
	}
	p.take(t.Context(), &fetch.Record{Offset: 9, Last: 9, Value: []byte("new too")})
	if len(h.taken) != 3 || h.taken[0] != "open" || h.taken[1] != "new" || len(h.warmed) != 2 || h.warmed[0] != "done" || len(dead.got) != 0 {
		t.Errorf("taken %q, warmed up by %q, %d dead letters", h.taken, h.warmed, len(dead.got))
	}
}

func TestOffsetsOutsideTheLog(t *testing.T) {
	p, _, _ := newTest(Config{})
	in := p.deps.InFlight
	in.Resume(offset.Checkpoint{Low: 5})
	if err := p.checkRange(0, 10); err != nil || in.Next() != 5 {
		t.Errorf("within the log: %v, next %d", err, in.Next())
	}
	if err := p.checkRange(0, 5); err != nil {
		t.Errorf("at the log's end: %v", err)
	}
	if err := p.checkRange(8, 10); !errors.Is(err, ErrTruncated) || err.Error() != "consumer: records were deleted before they were read: 3 of in/3; set SERVEFLOW_SKIP_TRUNCATED=true to go on without them" {
		t.Errorf("three records were deleted: %v", err)
	}
	if err := p.checkRange(0, 4); err == nil || err.Error() != "consumer: offset 5 of in/3 lies past the log's end 4: was the topic made anew? reset the group's offsets" {
		t.Errorf("past the end: %v", err)
	}
	p.cfg.SkipTruncated = true
	if err := p.checkRange(8, 10); err != nil || in.Next() != 8 || testutil.ToFloat64(p.deps.Metrics.truncated) != 3 {
		t.Errorf("told to go on: %v, next %d, %v counted", err, in.Next(), testutil.ToFloat64(p.deps.Metrics.truncated))
	}
}

// Deleted records that were finished are not lost.
func TestDeletedRecordsThatWereNotNeeded(t *testing.T) {
	p, _, _ := newTest(Config{})
	before := offset.NewInFlight(0)
	for _, at := range []int64{10, 20, 40} {
		before.Pin(at)
	}
	before.Advance(50)
	p.deps.InFlight.Resume(before.Checkpoint())
	if err := p.checkRange(10, 100); err != nil {
		t.Errorf("nothing is deleted: %v", err)
	}
	if err := p.checkRange(30, 100); !errors.Is(err, ErrTruncated) {
		t.Errorf("two that were needed are deleted: %v", err)
	}
	p.cfg.SkipTruncated = true
	if err := p.checkRange(60, 100); err != nil || p.deps.InFlight.Checkpoint().Low != 60 {
		t.Errorf("told to go on: %v, at %+v", err, p.deps.InFlight.Checkpoint())
	}
}

// A process that stood still, or could not read, has heard nothing meanwhile: its flows'
// packets lie in the topic, so its own stillness must not end them.
func TestStandingStillIsNoSilence(t *testing.T) {
	p, _, _ := newTest(Config{MaxWait: time.Second})
	now := time.Now()
	p.rested = now
	for _, step := range []struct {
		after  time.Duration
		atEnd  bool
		waited time.Duration
	}{
		{time.Second, true, time.Second},
		{time.Minute, true, time.Second}, // halted for a minute
		{time.Second, false, 0},          // there is more to read
		{time.Second, true, time.Second},
		{time.Second / 2, true, time.Second / 2},
	} {
		now = now.Add(step.after)
		if got := p.waited(step.atEnd, now); got != step.waited {
			t.Errorf("after %+v: waited for %v", step, got)
		}
	}
}

// A partition that was blocked while its generation ended, by a full queue, has used up
// its time to drain: it does not begin again.
func TestDrainIsCountedFromTheEndOfTheGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _ := newTest(Config{DrainTimeout: 10 * time.Second})
		ctx, cancel := context.WithCancel(context.Background())
		p.deps.InFlight.Pin(0) // a label that nobody acknowledges
		cancel()
		began := time.Now()
		p.finish(began.Add(-8 * time.Second))
		if took := time.Since(began).Round(time.Second); took != 2*time.Second {
			t.Errorf("waited %v, want what is left of 10 s after 8 s", took)
		}
		p.Run(ctx)
		if took := time.Since(began).Round(time.Second); took != 12*time.Second {
			t.Errorf("a partition that is free waits %v, want 10 s more", took)
		}
	})
}

// The end of a generation waits for labels under way, but not for open flows. The last
// checkpoint is told only where the partition had resumed: before that it would be 0.
func TestFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h, _ := newTest(Config{DrainTimeout: 10 * time.Second})
		p.deps.Metrics.observe(3, p.deps.InFlight)
		p.deps.InFlight.Resume(offset.Checkpoint{Low: 7})
		label := p.deps.InFlight.Pin(7)
		p.deps.InFlight.Pin(8) // of an open flow
		p.deps.InFlight.Advance(9)
		h.open = 1
		time.AfterFunc(3*time.Second, label.Ack)
		began := time.Now()
		p.finish(began)
		if took := time.Since(began).Round(time.Second); took != 3*time.Second {
			t.Errorf("waited %v, want 3 s, until the label is written", took)
		}
		if got := p.deps.Committer.(*committed).last; got.Low != 0 {
			t.Errorf("a partition that had not resumed told %+v", got)
		}
		p.resumed = true
		if p.finish(began); p.deps.Committer.(*committed).last.Low != 8 {
			t.Errorf("told %+v, want 8", p.deps.Committer.(*committed).last)
		}
		if n := testutil.CollectAndCount(p.deps.Metrics.low) + testutil.CollectAndCount(p.deps.Metrics.next); n != 0 {
			t.Errorf("%d gauges are left of a partition that is not read any more", n)
		}
	})
}
