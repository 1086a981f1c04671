package ship

import (
	"context"
	"log/slog"

	"golang.org/x/sync/semaphore"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/sink/producer"
)

// maxInFlightBytes bounds the bytes of records in flight to Kafka. The producer's queue bounds
// only their number, and records may be large.
const maxInFlightBytes = 64 << 20

// recordOverhead is about what a record in flight takes in memory beyond its bytes.
const recordOverhead = 256

// output is where all files send their lines.
type output struct {
	sender      Sender
	topic       string
	deadLetters DeadLetters
	budget      *semaphore.Weighted
	metrics     *Metrics
	log         *slog.Logger
	state       string // the state file
}

// outgoing is a line on its way to Kafka: a record, or a dead letter.
type outgoing struct {
	line    *inFlightLine
	kind    string // of the record, for the metrics
	message producer.Message
	letter  *delivery.DeadLetter // nil for a record
}

// send sends one line. It blocks until there is budget for it, or ctx is done; the line then
// stays in flight.
func (o *output) send(ctx context.Context, out outgoing) {
	if o.budget.Acquire(ctx, out.line.bytes) != nil {
		return
	}
	if out.letter != nil {
		o.metrics.rejects.WithLabelValues(out.letter.Reason).Inc()
		o.deadLetters.Put(ctx, *out.letter)
		return
	}
	o.metrics.records.WithLabelValues(out.kind).Inc()
	o.sender.Send(ctx, out.message)
}

// beside is the command that ships a file while this shipper runs: a state file has one shipper.
func (o *output) beside(file string) string { return shipBeside(o.state, file) }

func shipBeside(state, file string) string {
	return "SERVEFLOW_SHIP_STATE=" + state + ".missed SERVEFLOW_SHIP_ADMIN= serveflow ship " + file
}

func kindOf(rec *zeek.Record) string {
	switch {
	case rec.Kind == zeek.Packet:
		return kindPacket
	case rec.Kind == zeek.End:
		return kindEnd
	case len(rec.UID) > 0:
		return kindOther
	}
	return kindUnkeyed
}
