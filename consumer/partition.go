package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/serveflow/serveflow/consumer/flow"
)

// intake is what the records of one partition and generation are handed to. It is
// for the partition's goroutine alone.
type intake interface {
	// Take takes one record's bytes, which it does not keep. pin is asked for at
	// most once: it holds the record's place until that is acknowledged. The error
	// says that the record is bad; then nothing has changed.
	Take(value []byte, pin func() flow.Acker) error
	// Rest is told after each fetch whether that reached the partition's end, and
	// for how long no record has come. It may block until ctx is done.
	Rest(ctx context.Context, atEnd bool, silent time.Duration)
	// Relearn takes a record that was done with before the partition was resumed,
	// unless it belongs to what is open.
	Relearn(value []byte)
	// Open is how many pins are held on purpose: the end of a generation does not
	// wait for them.
	Open() int
}

// partition is one partition of one generation: its reader, its intake, its pins.
type partition struct {
	*Consumer
	id        int
	offsets   offsets
	tail      tail
	intake    intake
	pins      pins
	pin       func() flow.Acker // pins.take, made once: a method value is an allocation
	commits   *committer
	log       *slog.Logger
	placed    bool          // the pins stand where to go on from
	back      int64         // offset of the next record to read back
	relearned bool          // which flows are finished
	told      time.Time     // when the committer was last told of the pins
	rested    time.Time     // when the intake was last told to rest
	silent    time.Duration // for how long no record has come, though all were read
}

func newPartition(c *Consumer, id int, at offsets, in intake, commits *committer) *partition {
	p := &partition{Consumer: c, id: id, offsets: at, intake: in, commits: commits,
		tail: tail{cfg: &c.cfg, partition: id, buf: make([]byte, 64<<10)},
		log:  c.log.With("topic", c.cfg.Topic, "partition", id)}
	p.pin = p.pins.take
	return p
}

// run reads the partition until ctx, the generation's, is done.
func (p *partition) run(ctx context.Context) {
	defer p.tail.close()
	for wait := backoff(0); ctx.Err() == nil; wait = wait.next() {
		err := p.begin(ctx)
		for err == nil && ctx.Err() == nil {
			wait = 0
			err = p.step(ctx)
		}
		if ctx.Err() == nil {
			p.problem(p.id, err)
			p.metrics.fetchFailures.Inc()
			p.log.Warn("cannot read, will try again", "err", err)
			wait.sleep(ctx)
		}
	}
	p.finish()
}

// begin connects and stands where to go on; the first time it also relearns
// which flows are finished.
func (p *partition) begin(ctx context.Context) error {
	first, end, err := p.tail.open(ctx)
	if err != nil {
		return err
	}
	if !p.placed {
		if err := p.resume(ctx, first); err != nil {
			return err
		}
		p.placed = true
	}
	p.tail.next = p.pins.next
	if err := p.within(first, end); err != nil {
		return err
	}
	if !p.relearned {
		if err := p.relearn(ctx, first); err != nil {
			return err
		}
		p.relearned, p.tail.next = true, p.pins.next
	}
	p.rested, p.silent = time.Now(), 0
	p.problem(p.id, nil)
	return nil
}

// resume stands where the partition's last reader left off.
func (p *partition) resume(ctx context.Context, first int64) error {
	at, err := p.offsets.read(ctx, p.id)
	if err != nil {
		return err
	}
	if at.low < 0 { // nobody has read it yet
		at = place{low: first}
	}
	p.pins.resume(at)
	return nil
}

// within checks that the offset to go on from is in the log.
func (p *partition) within(first, end int64) error {
	next := p.tail.next
	lost := p.pins.lost(next, first)
	switch {
	case next > end:
		return fmt.Errorf("consumer: offset %d of %s/%d lies past the log's end %d: was the topic made anew? reset the group's offsets", next, p.cfg.Topic, p.id, end)
	case lost > 0 && !p.cfg.SkipTruncated:
		return fmt.Errorf("consumer: %w: %d of %s/%d; set SERVEFLOW_SKIP_TRUNCATED=true to go on without them", ErrTruncated, lost, p.cfg.Topic, p.id)
	case lost > 0:
		p.metrics.truncated.Add(float64(lost))
		p.log.Error("records were deleted before they were read", "lost", lost)
	}
	if next < first {
		p.tail.next = first
		p.pins.skip(first)
	}
	return nil
}

// relearn reads the records below the low watermark without labelling: by
// definition of it, every flow that began there is finished. It begins with those
// that were written as long ago as a finished flow is remembered.
func (p *partition) relearn(ctx context.Context, first int64) error {
	start := p.pins.next
	from := max(first, start-p.cfg.ReadBack, p.back)
	if from < start {
		since, err := p.offsets.since(ctx, p.id, start, p.cfg.Flow.Remember)
		if err != nil {
			return err
		}
		from = max(from, since)
	}
	for p.tail.next = from; p.tail.next < start && ctx.Err() == nil; {
		_, _, err := p.tail.fetch(func(offset int64, value []byte) error {
			if p.back = offset + 1; offset < start { // a failure goes on from here
				p.intake.Relearn(value)
			}
			return ctx.Err()
		})
		if err != nil {
			return fmt.Errorf("consumer: read back %s/%d: %w", p.cfg.Topic, p.id, err)
		}
	}
	return nil
}

// step fetches once and takes what comes.
func (p *partition) step(ctx context.Context) error {
	n, atEnd, err := p.tail.fetch(func(offset int64, value []byte) error {
		p.take(ctx, offset, value)
		return ctx.Err()
	})
	now := time.Now()
	p.rest(n, atEnd, now)
	p.intake.Rest(ctx, atEnd, p.silent)
	if now.Sub(p.told) > p.cfg.CommitEvery/4 { // listing the pins costs
		p.told = now
		p.commits.advance(p.id, p.pins.place())
	}
	p.metrics.observe(p)
	return err
}

// rest counts the silence of a partition that is read to its end. A fetch adds no more
// than it may wait: time for which the process stood still, or for which nothing could
// be read or written, is none that the flows were silent for.
func (p *partition) rest(n int, atEnd bool, now time.Time) {
	since := now.Sub(p.rested)
	p.rested = now
	if n > 0 || !atEnd {
		p.silent = 0
		return
	}
	p.silent += min(since, p.cfg.MaxWait)
}

func (p *partition) take(ctx context.Context, offset int64, value []byte) {
	p.pins.next = offset + 1
	if !p.pins.needed(offset) {
		p.intake.Relearn(value)
		return
	}
	err := p.intake.Take(value, p.pin)
	if err != nil {
		p.dead.Bury(ctx, BadRecord{Value: value, Topic: p.cfg.Topic, Partition: p.id, Offset: offset, Err: err, Pin: p.pin()})
	}
}

// finish waits for what is being written and brings the low watermark up to date.
// What is still open is handed back: its pins hold the watermark below it, so
// whoever reads the partition next begins there.
func (p *partition) finish() {
	deadline := time.Now().Add(p.cfg.DrainTimeout)
	for p.pins.unacked() > p.intake.Open() && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if p.placed {
		p.commits.advance(p.id, p.pins.place())
	}
	p.metrics.forget(p.id)
}
