package ship

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/flow/zeek/logfile"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/sink/producer"
)

// manyRefused is after how many refused lines a file without a record is told, although it is
// not read to its end.
const manyRefused = 100

// feed turns the lines of one file into messages.
type feed struct {
	out      *output
	path     string
	lane     *lane // nil where the path is merged with no other
	inFlight inFlightLines

	parser  *logfile.Parser
	decoder zeek.Decoder
	rec     zeek.Record

	tally logfile.Tally
	told  bool // that no line of it is a record
}

// send sends one line. It blocks until there is budget for the line, or ctx is done. A record of
// a path that is merged with others only queues in its lane.
func (f *feed) send(ctx context.Context, l line) {
	if !f.takeHeader(ctx, l) {
		f.sendRecord(ctx, l)
	}
}

func (f *feed) sendRecord(ctx context.Context, l line) {
	value, err := f.decode(l)
	if err != nil {
		f.reject(ctx, l, zeek.ReasonOf(err), err)
		return
	}
	f.tally.Take()
	// One allocation holds the value and the key. It outlives the read buffer.
	copied := append(append(make([]byte, 0, len(value)+len(f.rec.UID)), value...), f.rec.UID...)
	message := producer.Message{Topic: f.out.topic, Value: copied[:len(value):len(value)]}
	if len(f.rec.UID) > 0 {
		message.Key = copied[len(value):]
	}
	held := f.hold(l, len(copied))
	message.Acker = held
	out := outgoing{line: held, kind: kindOf(&f.rec), message: message}
	if !f.lane.take(f.rec.Kind, f.rec.TS, out) {
		f.out.send(ctx, out)
	}
}

// sendUnterminated handles a last line without a newline. A JSON object with its closing brace is
// whole and is sent. Any other line may lack its end and is rejected.
func (f *feed) sendUnterminated(ctx context.Context, l line) {
	if f.takeHeader(ctx, l) {
		return
	}
	if _, err := f.decode(l); err == nil && !f.parser.TSV() {
		f.sendRecord(ctx, l)
		return
	}
	f.reject(ctx, l, reasonCut, errors.New("the file ended, or was cut, before the line's newline"))
}

// takeHeader handles blank lines and TSV headers, and reports whether the line is one. It sees
// every line, so it counts the NULs before a line too.
func (f *feed) takeHeader(ctx context.Context, l line) bool {
	if l.nuls > 0 {
		f.out.metrics.nuls.Add(float64(l.nuls))
		f.out.log.Warn("NUL bytes before a line: a crash of the file system leaves them", "path", f.path, "offset", l.offset, "bytes", l.nuls)
	}
	if len(l.text) > 0 && l.text[0] == '{' {
		return false // most are records
	}
	begins := f.parser.BeginsHeader(l.text)
	is, err := f.parser.Header(l.text)
	switch {
	case is && (err != nil || l.long):
		f.reject(ctx, l, zeek.BadSyntax, errors.Join(err, longError(l)))
	case is:
		f.inFlight.skip(l, begins)
	}
	return is
}

// decode returns a line as JSON and stores its record in f.rec. Both are valid until the next
// call.
func (f *feed) decode(l line) ([]byte, error) {
	if err := longError(l); err != nil {
		return nil, err
	}
	value, err := f.parser.Record(l.text)
	if err != nil {
		return nil, err
	}
	return value, f.decoder.Decode(value, &f.rec)
}

func longError(l line) error {
	if !l.long {
		return nil
	}
	return &zeek.Error{Reason: zeek.TooLong, Detail: fmt.Sprintf("more than %d bytes: a line of %d", zeek.MaxRecord, l.next-l.offset)}
}

// hold adds a line to the lines in flight. size is that of the message.
func (f *feed) hold(l line, size int) *inFlightLine {
	return f.inFlight.add(l, int64(size+recordOverhead), f.out.budget)
}

// reject sends a line's original bytes to the dead letters.
func (f *feed) reject(ctx context.Context, l line, reason string, err error) {
	if f.tally.Refuse(l.text, err); f.tally.Refused() == manyRefused {
		f.judge()
	}
	f.out.log.Debug("line refused", "path", f.path, "offset", l.offset, "reason", reason, "err", err)
	held := f.hold(l, len(l.text))
	letter := delivery.DeadLetter{Value: l.text, Topic: f.path, Offset: l.offset, Reason: reason, Stage: "ship", Cut: l.long, Err: err, Acker: held}
	if f.lane != nil {
		letter.Value = bytes.Clone(l.text) // it may wait longer than the read buffer keeps it
	}
	if out := (outgoing{line: held, letter: &letter}); !f.lane.take(zeek.Other, 0, out) {
		f.out.send(ctx, out)
	}
}

// judge warns, once, of a file of which every line was refused.
func (f *feed) judge() {
	if why := f.tally.Trouble(); why != "" && !f.told {
		f.told = true
		f.out.log.Warn("nothing of this file is shipped: its lines go to the dead letters", "path", f.path, "why", why)
	}
}
