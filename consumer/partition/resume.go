package partition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/offset"
)

// ErrTruncated says that records were deleted before they were read.
var ErrTruncated = errors.New("records were deleted before they were read")

// begin connects. The first time it also resumes at the checkpoint, and has the handler
// learn which flows are finished.
func (p *Partition) begin(ctx context.Context) error {
	first, end, err := p.fetcher.open(ctx)
	if err != nil {
		return err
	}
	if !p.resumed {
		if err := p.resume(ctx, first, end); err != nil {
			return err
		}
		p.resumed = true
	}
	if err := p.checkRange(first, end); err != nil {
		return err
	}
	p.tellLag(max(0, end-p.deps.InFlight.Next()))
	if !p.warm {
		if err := p.warmUp(ctx, first); err != nil {
			return err
		}
		p.warm = true
	}
	p.rested = time.Now()
	return nil
}

// resume begins where the partition's last reader left off.
func (p *Partition) resume(ctx context.Context, first, end int64) error {
	at, err := p.deps.Checkpoints.Read(ctx, p.id)
	if err != nil {
		return err
	}
	if at.Low < 0 { // nobody has read it yet
		at = offset.Checkpoint{Low: first}
	}
	p.deps.InFlight.Resume(at)
	p.earlier, p.since = p.writers.Resume(at, end, time.Now())
	p.announced = p.earlier
	return nil
}

// checkpoint is where another reader would begin now.
func (p *Partition) checkpoint() offset.Checkpoint {
	at := p.deps.InFlight.Checkpoint()
	if p.cfg.Bundles == nil {
		return at
	}
	p.writers.Mark(at.Low, p.deps.InFlight.Next(), p.cfg.Bundles(), time.Now())
	return p.writers.Stamp(at)
}

// checkRange checks that the next offset lies in the log, whose first record has offset
// first and which ends before end.
func (p *Partition) checkRange(first, end int64) error {
	next, lost := p.deps.InFlight.Next(), p.deps.InFlight.Lost(first)
	switch {
	case next > end:
		return fmt.Errorf("consumer: offset %d of %s/%d lies past the log's end %d: was the topic made anew? reset the group's offsets", next, p.cfg.Topic, p.id, end)
	case lost > 0 && !p.cfg.SkipTruncated:
		return fmt.Errorf("consumer: %w: %d of %s/%d; set SERVEFLOW_SKIP_TRUNCATED=true to go on without them", ErrTruncated, lost, p.cfg.Topic, p.id)
	case lost > 0:
		p.deps.Metrics.truncated.Add(float64(lost))
		p.log.Error("records were deleted before they were read", "lost", lost)
	}
	p.deps.InFlight.Advance(first)
	return nil
}

// warmUp reads the records below the low watermark without labelling: every flow that
// began there is finished, by the low watermark's definition. It begins with those that
// were written as long ago as a finished flow is remembered.
func (p *Partition) warmUp(ctx context.Context, first int64) error {
	start := p.deps.InFlight.Next()
	from := max(first, start-p.cfg.WarmUpRecords, p.warmedTo)
	if from < start {
		since, err := writtenSince(ctx, p.deps.Client, p.cfg.Topic, p.id, start, p.cfg.WarmUpAge)
		if err != nil {
			return err
		}
		from = max(from, since)
	}
	for from < start && ctx.Err() == nil {
		next, _, err := p.fetcher.poll(ctx, from, func(rec *fetch.Record) error {
			if p.warmedTo = rec.Last + 1; rec.Offset < start && rec.Err == nil { // after a failure it goes on from here
				p.deps.Handler.WarmUp(ctx, rec.Value)
			}
			return ctx.Err()
		})
		if err != nil {
			return fmt.Errorf("consumer: read back %s/%d: %w", p.cfg.Topic, p.id, err)
		}
		from = next
	}
	return nil
}
