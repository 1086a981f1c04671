package rekey

import (
	"context"
	"log/slog"
	"time"

	"github.com/serveflow/serveflow/flow/merge"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
)

// lostAfter is how long a partition that cannot be read holds the member's others back:
// longer than Kafka takes to elect a new leader.
const lostAfter = 15 * time.Second

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
	inputs := merge.New[waiting](len(partitions), merge.Config{Lateness: cfg.Lateness, Timeout: lostAfter, Lost: func(input int) {
		m.lost.Inc()
		log.Error("a partition cannot be read: the others go on without it, and its flows may be cut short",
			"topic", cfg.Topic, "partition", partitions[input])
	}})
	var all []*Rekeyer
	for _, input := range inputs {
		all = append(all, &Rekeyer{decoder: zeek.Decoder{Limits: cfg.Limits}, input: input, out: out, metrics: m})
	}
	return all
}

// Rekeyer hands the records of one partition on, keyed by uid. It is for the partition's
// goroutine alone.
type Rekeyer struct {
	decoder zeek.Decoder
	record  zeek.Record
	input   *merge.Input[waiting]
	out     Forwarder
	metrics *Metrics
}

// waiting is a record that waits to be handed on.
type waiting struct {
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
	r.input.Add(r.record.Kind, r.record.TS, waiting{value: own[:len(value):len(value)], key: own[len(value):], acker: pins.Pin(offset)})
	return nil
}

// AfterFetch hands on what is queued: at the partition's end all of it, else as much as
// leaves enough to look ahead.
func (r *Rekeyer) AfterFetch(ctx context.Context, atEnd bool, _ time.Duration) {
	r.input.Pass(ctx, atEnd, func(k waiting) { r.out.Forward(ctx, k.key, k.value, k.acker) })
}

// WarmUp has nothing to do: the record was handed on before.
func (r *Rekeyer) WarmUp(context.Context, []byte) {}

// Open is how many records wait to be handed on: whoever reads the partition next begins
// with them.
func (r *Rekeyer) Open() int { return r.input.Len() }
