package consumer

import (
	"context"
	"log/slog"
	"time"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// patience is how long a partition that cannot be read holds the member's others
// back: longer than Kafka takes to choose a new leader.
const patience = 15 * time.Second

// longestTry is how long a record waits that may be a wild one, before its
// partition asks for more to tell.
const longestTry = 500 * time.Millisecond

// maxFetch bounds the bytes, compressed, that a partition fetches at once: they
// wait in memory for their turn, and are committed when all are handed on.
const maxFetch = 256 << 10

// Forwarder takes a record for the topic keyed by uid; the bytes are its own from
// then on. It may block, and gives up without acknowledging when ctx is done.
type Forwarder interface {
	Forward(ctx context.Context, key, value []byte, pin flow.Acker)
}

// NewRekey builds a consumer of a valid config that hands on records as they are
// with their uid as key. The partitions of a member are merged in record time: a
// packet record waits until no other partition lies more than a fifth of
// Flow.Lateness behind it, which is the disorder that flow tables bear. Nothing
// else of Flow is used.
func NewRekey(cfg Config, out Forwarder, dead DeadLetters, m *RekeyMetrics, log *slog.Logger) *Consumer {
	slack := cfg.Flow.Lateness.Microseconds() / 5
	intakes := func(partitions []int) []intake {
		pace := newPace(len(partitions), patience, func(lane int) {
			m.lost.Inc()
			log.Error("a partition cannot be read: the others go on without it, and its flows may be cut short",
				"topic", cfg.Topic, "partition", partitions[lane])
		})
		var all []intake
		for i := range partitions {
			all = append(all, &rekeyer{decoder: zeek.Decoder{Limits: cfg.Limits}, lane: pace.lanes[i], slack: slack, out: out, metrics: m})
		}
		return all
	}
	cfg.ReadBack = 0 // there is nothing to relearn
	cfg.FetchBytes = min(cfg.FetchBytes, maxFetch)
	return newConsumer(cfg, intakes, dead, m.partitionMetrics, log)
}

// rekeyer is the intake whose records are handed on, keyed by uid.
type rekeyer struct {
	decoder zeek.Decoder
	record  zeek.Record
	queue   []queued // taken and not handed on yet, in order
	course  course
	lane    *lane
	slack   int64 // microseconds
	out     Forwarder
	metrics *RekeyMetrics
}

// queued is a record that waits to be handed on.
type queued struct {
	kind       zeek.Kind
	ts         int64
	key, value []byte
	pin        flow.Acker
}

// Take queues a record that has a uid; one without is of no use to a flow table.
func (r *rekeyer) Take(value []byte, pin func() flow.Acker) error {
	if err := r.decoder.Decode(value, &r.record); err != nil {
		r.metrics.records[dead].Inc()
		return err
	}
	if len(r.record.UID) == 0 {
		r.metrics.records[passedBy].Inc()
		return nil
	}
	r.metrics.records[forwarded].Inc()
	own := append(append(make([]byte, 0, len(value)+len(r.record.UID)), value...), r.record.UID...)
	r.queue = append(r.queue, queued{kind: r.record.Kind, ts: r.record.TS,
		value: own[:len(value):len(value)], key: own[len(value):], pin: pin()})
	return nil
}

// Rest hands on what is queued: at the partition's end all of it, else as much as
// leaves enough to look ahead.
func (r *rekeyer) Rest(ctx context.Context, atEnd bool, _ time.Duration) {
	r.course.era = r.lane.era()
	keep := lookAhead - 1
	if atEnd {
		keep = 0
	}
	n := 0
	for n < len(r.queue)-keep && r.handOn(ctx, r.queue[n:]) {
		r.queue[n] = queued{}
		n++
	}
	r.queue = r.queue[:copy(r.queue, r.queue[n:])]
	if atEnd && len(r.queue) == 0 {
		r.lane.end()
	} else {
		r.lane.read()
	}
}

// handOn hands on the first of the queued records when it is its turn. False: it
// stays, because ctx is done, or because more must be seen to tell its turn.
func (r *rekeyer) handOn(ctx context.Context, queue []queued) bool {
	step, slack := r.course.next(queue), r.slack
	if step.strict {
		slack = 0
	}
	switch {
	case step.unsure && !r.lane.try(ctx, step.at, slack, longestTry):
		return false
	case step.unsure:
		r.course.went()
	case !r.lane.pass(ctx, step.at, slack):
		return false
	}
	r.out.Forward(ctx, queue[0].key, queue[0].value, queue[0].pin)
	return true
}

// Relearn is for records that were handed on before.
func (r *rekeyer) Relearn([]byte) {}

// Open is how many records wait to be handed on: whoever reads the partition next
// begins with them.
func (r *rekeyer) Open() int { return len(r.queue) }
