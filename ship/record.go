package ship

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
}

// feed turns the lines of one file into messages.
type feed struct {
	out      *output
	path     string
	inFlight inFlightLines

	decoder zeek.Decoder
	rec     zeek.Record
	tsv     zeek.TSV
	json    []byte
}

// send sends one line. It blocks until there is budget for the line, or ctx is done.
func (f *feed) send(ctx context.Context, l line) {
	if f.takeHeader(ctx, l) || len(l.text) == 0 {
		return
	}
	value, err := f.decode(l)
	if err != nil {
		f.reject(ctx, l, zeek.ReasonOf(err), err)
		return
	}
	// One allocation holds the value and the key. It outlives the read buffer.
	copied := append(append(make([]byte, 0, len(value)+len(f.rec.UID)), value...), f.rec.UID...)
	message := producer.Message{Topic: f.out.topic, Value: copied[:len(value):len(value)]}
	if len(f.rec.UID) > 0 {
		message.Key = copied[len(value):]
	}
	if message.Acker = f.track(ctx, l, len(copied)); message.Acker == nil {
		return
	}
	f.out.metrics.records.WithLabelValues(kindOf(&f.rec)).Inc()
	f.out.sender.Send(ctx, message)
}

// sendUnterminated handles a last line without a newline. A JSON object with its closing brace is
// whole and is sent. Any other line may lack its end and is rejected.
func (f *feed) sendUnterminated(ctx context.Context, l line) {
	if len(l.text) == 0 || l.text[0] == '#' {
		f.takeHeader(ctx, l)
		return
	}
	if _, err := f.decode(l); err == nil && !f.tsv.Ready() {
		f.send(ctx, l)
		return
	}
	f.reject(ctx, l, reasonCut, errors.New("the file ended, or was cut, before the line's newline"))
}

// takeHeader handles TSV headers, and reports whether the line is one. It sees every line, so it
// counts the NULs before a line too.
func (f *feed) takeHeader(ctx context.Context, l line) bool {
	if l.nuls > 0 {
		f.out.metrics.nuls.Add(float64(l.nuls))
		f.out.log.Warn("NUL bytes before a line: a crash of the file system leaves them", "path", f.path, "offset", l.offset, "bytes", l.nuls)
	}
	is, err := f.tsv.Header(l.text)
	if is && (err != nil || l.long) {
		f.reject(ctx, l, zeek.BadSyntax, errors.Join(err, longError(l)))
	} else if is || len(l.text) == 0 {
		f.inFlight.skip(l, bytes.HasPrefix(l.text, []byte("#separator")))
	}
	return is
}

// decode returns a line as JSON and stores its record in f.rec. Both are valid until the next
// call.
func (f *feed) decode(l line) ([]byte, error) {
	if err := longError(l); err != nil {
		return nil, err
	}
	value := l.text
	if f.tsv.Ready() || !bytes.HasPrefix(bytes.TrimLeft(value, " \t\r"), []byte{'{'}) {
		var err error
		if f.json, err = f.tsv.Append(f.json[:0], value); err != nil {
			return nil, err
		}
		value = f.json
	}
	return value, f.decoder.Decode(value, &f.rec)
}

func longError(l line) error {
	if !l.long {
		return nil
	}
	return &zeek.Error{Reason: zeek.TooLong, Detail: fmt.Sprintf("more than %d bytes: a line of %d", zeek.MaxRecord, l.next-l.offset)}
}

// track waits for budget for a line and adds it to the lines in flight. It returns nil where ctx
// is done.
func (f *feed) track(ctx context.Context, l line, size int) delivery.Acker {
	bytes := int64(size + recordOverhead)
	if f.out.budget.Acquire(ctx, bytes) != nil {
		return nil
	}
	return f.inFlight.add(l, bytes, f.out.budget)
}

// reject sends a line's original bytes to the dead letters.
func (f *feed) reject(ctx context.Context, l line, reason string, err error) {
	acker := f.track(ctx, l, len(l.text))
	if acker == nil {
		return
	}
	f.out.metrics.rejects.WithLabelValues(reason).Inc()
	f.out.log.Debug("line refused", "path", f.path, "offset", l.offset, "reason", reason, "err", err)
	f.out.deadLetters.Put(ctx, delivery.DeadLetter{Value: l.text, Topic: f.path, Offset: l.offset, Reason: reason, Stage: "ship", Cut: l.long, Err: err, Acker: acker})
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
