// Package demo shows the main job on recorded traffic.
//
// It plays records into Kafka at their own pace, watches the labels come back, and sums up
// what was seen.
package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/sink/producer"
)

// Sender queues a message and blocks while there is no room.
type Sender interface {
	Send(ctx context.Context, m producer.Message)
}

// Player sends records to a topic, keyed by uid, each when it is due by its own time.
type Player struct {
	to    Sender
	topic string
	speed float64 // 1 is the recorded pace; 0 is as fast as possible

	decoder zeek.Decoder
	begin   time.Time // when the first record was due
	zero    int64     // that record's time, microseconds
	last    int64     // of the newest record so far
	sent    int
	others  int // of them, of logs that make no flows
}

// NewPlayer builds a player.
func NewPlayer(to Sender, topic string, speed float64) *Player {
	return &Player{to: to, topic: topic, speed: speed, decoder: zeek.Decoder{Conns: true}}
}

// Play waits until a record is due and sends it; acker is told when it is written. A record of
// conn.log is due at the end of its connection. One of another log goes at once. The
// error is a *zeek.Error for a line that is no record: it is not sent.
func (p *Player) Play(ctx context.Context, line []byte, acker delivery.Acker) error {
	var rec zeek.Record
	if err := p.decoder.Decode(line, &rec); err != nil {
		return err
	}
	switch {
	case rec.Kind == zeek.Packet:
		if err := p.wait(ctx, rec.TS); err != nil {
			return err
		}
	case rec.Kind == zeek.Conn:
		if err := p.wait(ctx, rec.TS+max(0, rec.Conn.Duration)); err != nil {
			return err
		}
	case rec.Kind == zeek.Other && len(rec.UID) == 0:
		return &zeek.Error{Reason: zeek.FieldMissing, Field: "uid", Detail: "every record that Zeek writes of a flow has one"}
	case rec.Kind == zeek.Other:
		p.others++
	}
	p.sent++
	p.to.Send(ctx, producer.Message{Topic: p.topic, Key: append([]byte(nil), rec.UID...), Value: append([]byte(nil), line...), Acker: acker})
	return ctx.Err()
}

// wait sleeps until a record of time ts is due. Time does not go back: a record
// that is out of order goes at once.
func (p *Player) wait(ctx context.Context, ts int64) error {
	if p.begin.IsZero() {
		p.begin, p.zero, p.last = time.Now(), ts, ts
	}
	if p.last = max(p.last, ts); p.speed <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(p.Due(p.last))):
		return nil
	}
}

// Due is when a record of time ts, in microseconds, is due at this player's pace.
func (p *Player) Due(ts int64) time.Time {
	return p.begin.Add(time.Duration(float64(ts-p.zero) / p.speed * float64(time.Microsecond)))
}

// Summary says how much was sent.
func (p *Player) Summary() string {
	text := fmt.Sprintf("%d records over %.1f s of record time", p.sent, float64(p.last-p.zero)/1e6)
	if p.others > 0 {
		text += fmt.Sprintf("; %d of them are of other logs than conn.log or the package's, and make no flow", p.others)
	}
	return text
}
