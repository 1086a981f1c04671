package consumer

import (
	"context"
	"fmt"

	"github.com/serveflow/serveflow/consumer/fetch"
)

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
		_, _, err := p.tail.fetch(func(rec *fetch.Record) error {
			if p.back = rec.Last + 1; rec.Offset < start && rec.Err == nil { // a failure goes on from here
				p.intake.Relearn(rec.Value)
			}
			return ctx.Err()
		})
		if err != nil {
			return fmt.Errorf("consumer: read back %s/%d: %w", p.cfg.Topic, p.id, err)
		}
	}
	return nil
}
