package rekey

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
)

const (
	// lostAfter is how long a partition that cannot be read holds the member's others
	// back: longer than Kafka takes to elect a new leader.
	lostAfter = 15 * time.Second
	// longestTry is how long a record waits that may be wild, before its partition
	// fetches more to tell.
	longestTry = 500 * time.Millisecond
)

// Forwarder takes a record for the topic keyed by uid; the bytes are its own from then
// on. It may block, and gives up without acknowledging when ctx is done.
type Forwarder interface {
	Forward(ctx context.Context, key, value []byte, acker delivery.Acker)
}

// Config is what the rekeyers of one member are built with.
type Config struct {
	Topic string // as log lines name it
	// Lateness is the disorder in record time that flow tables bear. Partitions may be
	// apart by a fifth of it.
	Lateness time.Duration
	Limits   zeek.Limits // of one record
}

// New builds one Rekeyer for each of a member's partitions, in their order. They are
// merged in record time: a packet record waits while another partition lags behind it.
func New(cfg Config, partitions []int, out Forwarder, m *Metrics, log *slog.Logger) []*Rekeyer {
	aligner := newAligner(len(partitions), lostAfter, func(source int) {
		m.lost.Inc()
		log.Error("a partition cannot be read: the others go on without it, and its flows may be cut short",
			"topic", cfg.Topic, "partition", partitions[source])
	})
	var all []*Rekeyer
	for i := range partitions {
		all = append(all, &Rekeyer{decoder: zeek.Decoder{Limits: cfg.Limits}, source: aligner.sources[i],
			slack: cfg.Lateness.Microseconds() / 5, out: out, metrics: m})
	}
	return all
}

// Rekeyer hands the records of one partition on, keyed by uid. It is for the partition's
// goroutine alone.
type Rekeyer struct {
	decoder zeek.Decoder
	record  zeek.Record
	queue   []queued // taken and not handed on yet, in order
	tracker tracker
	source  *source
	slack   int64 // microseconds
	out     Forwarder
	metrics *Metrics
}

// queued is a record that waits to be handed on.
type queued struct {
	kind       zeek.Kind
	ts         int64
	key, value []byte
	acker      delivery.Acker
}

// Take queues a record that has a uid; one without is of no use to a flow table.
func (r *Rekeyer) Take(_ context.Context, value []byte, offset int64, pins delivery.Pinner) error {
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
		value: own[:len(value):len(value)], key: own[len(value):], acker: pins.Pin(offset)})
	return nil
}

// AfterFetch hands on what is queued: at the partition's end all of it, else as much as
// leaves enough to look ahead.
func (r *Rekeyer) AfterFetch(ctx context.Context, atEnd bool, _ time.Duration) {
	r.tracker.era = r.source.era()
	keep := lookAhead - 1
	if atEnd {
		keep = 0
	}
	n := 0
	for n < len(r.queue)-keep && r.forward(ctx, r.queue[n:]) {
		r.queue[n] = queued{}
		n++
	}
	r.queue = slices.Delete(r.queue, 0, n)
	if atEnd && len(r.queue) == 0 {
		r.source.end()
	} else {
		r.source.fetch()
	}
}

// forward hands on the first of the queued records when it is its turn. False: it stays,
// because ctx is done, or because more must be seen to tell its turn.
func (r *Rekeyer) forward(ctx context.Context, queue []queued) bool {
	turn, slack := r.tracker.next(queue), r.slack
	if turn.strict {
		slack = 0
	}
	switch {
	case turn.mayBeWild && !r.source.tryPass(ctx, turn.at, slack, longestTry):
		return false
	case turn.mayBeWild:
		r.tracker.passed()
	case !r.source.pass(ctx, turn.at, slack):
		return false
	}
	r.out.Forward(ctx, queue[0].key, queue[0].value, queue[0].acker)
	return true
}

// WarmUp has nothing to do: the record was handed on before.
func (r *Rekeyer) WarmUp(context.Context, []byte) {}

// Open is how many records wait to be handed on: whoever reads the partition next begins
// with them.
func (r *Rekeyer) Open() int { return len(r.queue) }
