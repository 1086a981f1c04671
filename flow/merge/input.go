// Package merge lets the records of several inputs pass in record time.
//
// The records of a flow may lie on several partitions, or in several loggers' files. Readers
// of these are apart by minutes when they catch up, and flow tables bear no such disorder. So
// the inputs wait for each other: an aligner lets a record pass when no other input lags
// behind it, and a tracker says for each input which record time its next record has, even
// where a wild record lies among them.
package merge

import (
	"context"
	"slices"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// longestTry is how long a record waits that may be wild, before its input must read more to
// tell.
const longestTry = 500 * time.Millisecond

// Config is what the inputs of one merge are built with.
type Config struct {
	// Lateness is the disorder in record time that flow tables bear. Inputs may be apart by a
	// fifth of it.
	Lateness time.Duration
	// Timeout is how long an input that cannot be read holds the others back.
	Timeout time.Duration
	// Lost is told of such an input. It must not block.
	Lost func(input int)
}

// New builds n inputs that are merged with each other.
func New[T any](n int, cfg Config) []*Input[T] {
	aligner := newAligner(n, cfg.Timeout, cfg.Lost)
	all := make([]*Input[T], n)
	for i := range all {
		all[i] = &Input[T]{source: aligner.sources[i], slack: cfg.Lateness.Microseconds() / 5}
	}
	return all
}

// Input lets the records of one input pass in their order, each when no packet record of
// another input lies further back. Only one goroutine may use it. An input that is read to
// its end is waited for no more, until there is more in it.
type Input[T any] struct {
	queue   []queued // taken and not passed yet, in order
	values  []T      // of these
	tracker tracker
	source  *source
	slack   int64 // microseconds
}

// queued is what the merge looks at of a record.
type queued struct {
	kind zeek.Kind
	ts   int64
}

// Add queues a record of a kind, with its time in microseconds.
func (in *Input[T]) Add(kind zeek.Kind, ts int64, value T) {
	in.queue, in.values = append(in.queue, queued{kind, ts}), append(in.values, value)
}

// Len is how many records are queued.
func (in *Input[T]) Len() int { return len(in.queue) }

// Pass hands what is queued to out: at the input's end all of it, else as much as leaves
// enough to look ahead. It waits until it is the turn of each. Records stay where ctx is done,
// and for a while where more must be seen to tell whether their time is believed.
func (in *Input[T]) Pass(ctx context.Context, atEnd bool, out func(T)) {
	in.tracker.era = in.source.era()
	keep := lookAhead - 1
	if atEnd {
		keep = 0
	}
	n := 0
	for n < len(in.queue)-keep && in.turn(ctx, in.queue[n:]) {
		out(in.values[n])
		n++
	}
	in.queue, in.values = slices.Delete(in.queue, 0, n), slices.Delete(in.values, 0, n)
	if atEnd && len(in.queue) == 0 {
		in.source.end()
	} else {
		in.source.fetch()
	}
}

// Leave hands all that is queued to out at once, in order. The others wait for the input no
// more, until its next Pass.
func (in *Input[T]) Leave(out func(T)) {
	in.source.end()
	for _, value := range in.values {
		out(value)
	}
	clear(in.values)
	in.queue, in.values = in.queue[:0], in.values[:0]
}

// turn waits until it is the turn of the first of the queued records. False: it stays.
func (in *Input[T]) turn(ctx context.Context, queue []queued) bool {
	turn, slack := in.tracker.next(queue), in.slack
	if turn.strict {
		slack = 0
	}
	if !turn.mayBeWild {
		return in.source.pass(ctx, turn.at, slack)
	}
	passes := in.source.tryPass(ctx, turn.at, slack, longestTry)
	if passes {
		in.tracker.passed()
	}
	return passes
}
