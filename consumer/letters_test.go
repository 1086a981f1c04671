package consumer

import (
	"context"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/flow/zeek"
)

// unwritten is a dead-letter topic that is not written yet.
type unwritten struct{ got []BadRecord }

func (u *unwritten) Bury(_ context.Context, r BadRecord) { u.got = append(u.got, r) }

// What could not be read of a batch holds the watermark at its first offset until
// its dead letter is written, and is then passed by as a whole.
func TestUnreadBatchIsPinned(t *testing.T) {
	dead := &unwritten{}
	c := New(config("nowhere"), nil, dead, NewMetrics(prometheus.NewRegistry()), quiet())
	p := newPartition(c, 0, offsets{}, &labeller{Worker: NewWorker(c.cfg.Flow, zeek.Limits{}, atOnce{}, NewMetrics(prometheus.NewRegistry()))}, nil)
	p.take(t.Context(), &fetch.Record{Offset: 5, Last: 9, Value: []byte("packed"), Size: 100, Err: &fetch.Error{Reason: fetch.BadCRC}})
	p.take(t.Context(), &fetch.Record{Offset: 10, Last: 10, Value: []byte("no record"), Size: 9})
	if p.pins.low() != 5 || p.pins.next != 11 || len(dead.got) != 2 {
		t.Fatalf("low %d, next %d, %d dead letters", p.pins.low(), p.pins.next, len(dead.got))
	}
	batch, record := dead.got[0], dead.got[1]
	if batch.Offset != 5 || batch.Offsets != 5 || batch.Reason != "crc" || batch.Stage != "fetch" || batch.Size != 100 || string(batch.Value) != "packed" {
		t.Errorf("the batch: %+v", batch)
	}
	if record.Offset != 10 || record.Offsets != 1 || record.Reason != "syntax" || record.Stage != "decode" || record.Size != 9 {
		t.Errorf("the record: %+v", record)
	}
	batch.Pin.Ack()
	if p.pins.low() != 10 {
		t.Errorf("low %d when the batch is written", p.pins.low())
	}
	record.Pin.Ack()
	if p.pins.low() != 11 {
		t.Errorf("low %d when all is written", p.pins.low())
	}
}

// A flood of large dead letters waits for those under way; the end of the
// generation lets go of it, and its records stay pinned.
func TestDeadLettersUnderWayAreBounded(t *testing.T) {
	dead := &unwritten{}
	c := New(config("nowhere"), nil, dead, NewMetrics(prometheus.NewRegistry()), quiet())
	p := newPartition(c, 0, offsets{}, nil, nil)
	ctx, end := context.WithCancel(t.Context())
	large := func(offset int64) *fetch.Record {
		return &fetch.Record{Offset: offset, Last: offset, Value: make([]byte, maxLetters/2-letterBytes), Err: &fetch.Error{Reason: fetch.TooLong}}
	}
	p.take(ctx, large(0))
	p.take(ctx, large(1))
	dead.got[0].Pin.Ack()
	p.take(ctx, large(2)) // has the room of the first
	end()
	p.take(ctx, large(3)) // has none, and nobody to wait for
	if len(dead.got) != 3 || p.pins.low() != 1 || p.pins.unacked() != 3 {
		t.Errorf("%d dead letters, low %d, %d pinned", len(dead.got), p.pins.low(), p.pins.unacked())
	}
	for _, r := range dead.got[1:] {
		r.Pin.Ack()
	}
	if !c.letters.TryAcquire(maxLetters) {
		t.Error("room is not given back")
	}
}

func TestReasonsAreOneSet(t *testing.T) {
	all := Reasons()
	slices.Sort(all)
	if len(slices.Compact(all)) != len(Reasons()) || !slices.Contains(all, fetch.TooLong) {
		t.Errorf("%v", Reasons())
	}
}
