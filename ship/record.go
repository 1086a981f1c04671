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

// inFlight bounds the bytes of records under way to Kafka. The producer's queue
// bounds their number; records may be large.
const inFlight = 64 << 20

// overhead is what a record in flight costs beyond its bytes, roughly.
const overhead = 256

// outlet is where lines go, shared by all files.
type outlet struct {
	to      Sender
	topic   string
	dead    DeadLetters
	room    *semaphore.Weighted
	metrics *Metrics
	log     *slog.Logger
}

// feed turns the lines of one file into messages.
type feed struct {
	*outlet
	path string
	pins pins

	decoder zeek.Decoder
	rec     zeek.Record
	tsv     zeek.TSV
	json    []byte
}

// take sends one line on its way; it blocks while there is no room, until ctx
// is done.
func (f *feed) take(ctx context.Context, l line) {
	if f.header(ctx, l) || len(l.text) == 0 {
		return
	}
	value, err := f.decode(l)
	if err != nil {
		f.bury(ctx, l, zeek.ReasonOf(err), err)
		return
	}
	// One allocation holds the value and the key, and outlives the read buffer.
	kept := append(append(make([]byte, 0, len(value)+len(f.rec.UID)), value...), f.rec.UID...)
	message := producer.Message{Topic: f.topic, Value: kept[:len(value):len(value)]}
	if len(f.rec.UID) > 0 {
		message.Key = kept[len(value):]
	}
	if message.Acker = f.pin(ctx, l, len(kept)); message.Acker == nil {
		return
	}
	f.metrics.records.WithLabelValues(kindOf(&f.rec)).Inc()
	f.to.Send(ctx, message)
}

// cut ends a file that has no newline behind its last line. A JSON object that
// is whole proves itself by its closing brace; anything else may lack its end.
func (f *feed) cut(ctx context.Context, l line) {
	if len(l.text) == 0 || l.text[0] == '#' {
		f.header(ctx, l)
		return
	}
	if _, err := f.decode(l); err == nil && !f.tsv.Ready() {
		f.take(ctx, l)
		return
	}
	f.bury(ctx, l, reasonCut, errors.New("the file ended, or was cut, before the line's newline"))
}

// header takes the lines that are no records: TSV headers. It counts the NULs
// that stood before the line, too, for it sees every one.
func (f *feed) header(ctx context.Context, l line) bool {
	if l.nuls > 0 {
		f.metrics.nuls.Add(float64(l.nuls))
		f.log.Warn("NUL bytes before a line: a crash of the file system leaves them", "path", f.path, "offset", l.offset, "bytes", l.nuls)
	}
	is, err := f.tsv.Header(l.text)
	if is && (err != nil || l.long) {
		f.bury(ctx, l, zeek.BadSyntax, errors.Join(err, longError(l)))
	} else if is || len(l.text) == 0 {
		f.pins.pass(l, bytes.HasPrefix(l.text, []byte("#separator")))
	}
	return is
}

// decode gives the JSON of a line, and its record in f.rec. It holds until the
// next call.
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

// pin waits for room for a line's bytes and pins it; nil where ctx is done.
func (f *feed) pin(ctx context.Context, l line, size int) delivery.Acker {
	weight := int64(size + overhead)
	if f.room.Acquire(ctx, weight) != nil {
		return nil
	}
	return f.pins.take(l, weight, f.room)
}

// bury sends a line's original bytes to the dead letters.
func (f *feed) bury(ctx context.Context, l line, reason string, why error) {
	pin := f.pin(ctx, l, len(l.text))
	if pin == nil {
		return
	}
	f.metrics.rejects.WithLabelValues(reason).Inc()
	f.log.Debug("line refused", "path", f.path, "offset", l.offset, "reason", reason, "err", why)
	f.dead.Put(ctx, delivery.DeadLetter{Value: l.text, Topic: f.path, Offset: l.offset, Reason: reason, Stage: "ship", Cut: l.long, Err: why, Acker: pin})
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
