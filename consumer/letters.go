package consumer

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

const (
	// maxLetters is how many bytes of dead letters may be under way, of all partitions.
	maxLetters = 8 << 20
	// letterBytes is what a dead letter has beside its value.
	letterBytes = 1 << 10
	// keepBytes is how much of a large record or batch its dead letter keeps. A
	// broker takes a megabyte unless told otherwise, headers and framing with it.
	keepBytes = 1<<20 - 16<<10
)

// Reasons lists every reason that a BadRecord can have.
func Reasons() []string {
	all := zeek.Reasons()
	for _, reason := range fetch.Reasons() {
		if reason != fetch.TooLong { // the same of both
			all = append(all, reason)
		}
	}
	return all
}

// weight is the pin of a dead letter, which gives its room back when it is written.
type weight struct {
	flow.Acker
	once  sync.Once
	room  *semaphore.Weighted
	bytes int64
}

// Ack lets go of the record's place.
func (w *weight) Ack() {
	w.Acker.Ack()
	w.give()
}

func (w *weight) give() { w.once.Do(func() { w.room.Release(w.bytes) }) }

// bury waits for room among the dead letters under way, so that a flood of large
// ones stays on the brokers and not in memory.
func (p *partition) bury(ctx context.Context, rec *fetch.Record, bad BadRecord) {
	held := &weight{Acker: p.pin(), room: p.letters, bytes: int64(len(rec.Value)) + letterBytes}
	if p.letters.Acquire(ctx, held.bytes) != nil {
		return // the generation is over: its pin holds the record's place
	}
	bad.Value, bad.Size, bad.Pin = rec.Value, rec.Size, held
	bad.Topic, bad.Partition, bad.Offset, bad.Offsets = p.cfg.Topic, p.id, rec.Offset, rec.Last-rec.Offset+1
	p.dead.Bury(ctx, bad)
	if ctx.Err() != nil {
		held.give() // it may never be written
	}
}
