package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// intake is what the records of one partition and generation are handed to. It is
// for the partition's goroutine alone.
type intake interface {
	// Take takes one record's bytes, which it does not keep. pin is asked for at
	// most once: it holds the record's place until that is acknowledged. The error
	// says that the record is bad; then nothing has changed.
	Take(value []byte, pin func() flow.Acker) error
	// Rest is told after each fetch whether that reached the partition's end, and
	// if so for how long in wall time it had waited there. It may block until ctx
	// is done.
	Rest(ctx context.Context, atEnd bool, waited time.Duration)
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
	placed    bool      // the pins stand where to go on from
	back      int64     // offset of the next record to read back
	relearned bool      // which flows are finished
	told      time.Time // when the committer was last told of the pins
	rested    time.Time // when the intake was last told to rest
}

func newPartition(c *Consumer, id int, at offsets, in intake, commits *committer) *partition {
	p := &partition{Consumer: c, id: id, offsets: at, intake: in, commits: commits,
		tail: newTail(&c.cfg, id, c.memory),
		log:  c.log.With("topic", c.cfg.Topic, "partition", id)}
	p.pin = p.pins.take
	return p
}

// run reads the partition until ctx, the generation's, is done.
func (p *partition) run(ctx context.Context) {
	defer p.tail.close()
	over := make(chan time.Time, 1)
	context.AfterFunc(ctx, func() { over <- time.Now() }) // the partition may be blocked just then
	for wait := backoff(0); ctx.Err() == nil; wait = wait.next() {
		err := p.begin(ctx)
		for err == nil && ctx.Err() == nil {
			if err = p.step(ctx); err == nil {
				wait = 0
			}
		}
		if ctx.Err() == nil {
			err = p.unread(p.id, err)
			p.problem(p.id, err)
			p.metrics.fetchFailures.Inc()
			p.log.Warn("cannot read, will try again", "err", err)
			wait.sleep(ctx)
		}
	}
	p.finish(<-over)
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
	p.rested = time.Now()
	return nil
}

// step fetches once and takes what comes, unless too much is held already.
func (p *partition) step(ctx context.Context) error {
	var err error
	if low := p.pins.low(); p.pins.full() {
		p.hold(ctx, low)
	} else {
		err = p.fetch(ctx)
	}
	if time.Since(p.told) > p.cfg.CommitEvery/4 { // listing the pins costs
		p.told = time.Now()
		p.commits.advance(p.id, p.pins.place())
	}
	p.metrics.observe(p)
	return err
}

func (p *partition) fetch(ctx context.Context) error {
	_, atEnd, err := p.tail.fetch(func(rec *fetch.Record) error {
		p.take(ctx, rec)
		return ctx.Err()
	})
	if err == nil { // only a fetch shows that reading is allowed
		p.problem(p.id, nil)
	}
	p.intake.Rest(ctx, atEnd, p.waited(atEnd, time.Now()))
	return err
}

// hold waits a moment for what holds the watermark. Flows are decided before they
// hold it for so long, so it is a label or a dead letter that cannot be written.
func (p *partition) hold(ctx context.Context, low int64) {
	p.problem(p.id, fmt.Errorf("consumer: %s/%d is not read on: what came of its offset %d is not written, and %d records behind it wait", p.cfg.Topic, p.id, low, p.pins.next-low))
	select {
	case <-time.After(holdFor):
	case <-ctx.Done():
	}
	p.intake.Rest(ctx, false, 0)
	if p.pins.low(); !p.pins.full() {
		p.problem(p.id, nil)
	}
	p.rested = time.Now()
}

// holdFor is the time between two looks at whether a partition may be read on.
const holdFor = 50 * time.Millisecond

// waited is for how long the partition stood at its end and waited for records
// since it last said so. Time in which records were there, or could not be read,
// or the process stood still, is none: it must not end flows whose packets lie there.
func (p *partition) waited(atEnd bool, now time.Time) time.Duration {
	since := now.Sub(p.rested)
	p.rested = now
	if !atEnd {
		return 0
	}
	return min(since, p.cfg.MaxWait)
}

// take hands one record to the intake. What is bad, and what could not even be
// read, goes to the dead letters.
func (p *partition) take(ctx context.Context, rec *fetch.Record) {
	p.pins.next = rec.Offset + 1
	switch needed := p.pins.needed(rec.Offset); {
	case !needed && rec.Err == nil:
		p.intake.Relearn(rec.Value)
	case !needed: // it is among the dead letters
	case rec.Err != nil:
		p.metrics.unread[rec.Err.Reason].Inc()
		p.bury(ctx, rec, BadRecord{Reason: rec.Err.Reason, Stage: "fetch", Err: rec.Err})
	default:
		if err := p.intake.Take(rec.Value, p.pin); err != nil {
			p.bury(ctx, rec, BadRecord{Reason: zeek.ReasonOf(err), Stage: "decode", Err: err})
		}
	}
	p.pins.next = rec.Last + 1
}

// finish waits for what is being written, from the generation's end on, and brings
// the low watermark up to date. What is still open is handed back: its pins hold the
// watermark below it, so whoever reads the partition next begins there.
func (p *partition) finish(over time.Time) {
	deadline := over.Add(p.cfg.DrainTimeout)
	for p.pins.unacked() > p.intake.Open() && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if p.placed {
		p.commits.advance(p.id, p.pins.place())
	}
	p.metrics.forget(p.id)
}
