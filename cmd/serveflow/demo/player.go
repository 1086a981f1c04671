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

// Player sends packet and end records to a topic, keyed by uid, each when it is
// due by its own time.
type Player struct {
	to    Sender
	topic string
	speed float64 // 1 is the recorded pace; 0 is as fast as possible

	decoder zeek.Decoder
	begin   time.Time // when the first record was due
	zero    int64     // that record's time, microseconds
	last    int64     // of the newest record so far
	sent    int
}

// NewPlayer builds a player.
func NewPlayer(to Sender, topic string, speed float64) *Player {
	return &Player{to: to, topic: topic, speed: speed}
}

// Play waits until a record is due and sends it; acker is told when it is written. The
// error is a *zeek.Error for a line that is no record: it is not sent.
func (p *Player) Play(ctx context.Context, line []byte, acker delivery.Acker) error {
	var rec zeek.Record
	if err := p.decoder.Decode(line, &rec); err != nil {
		return err
	}
	if rec.Kind == zeek.Packet {
		if err := p.wait(ctx, rec.TS); err != nil {
			return err
		}
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
	return fmt.Sprintf("%d records over %.1f s of record time", p.sent, float64(p.last-p.zero)/1e6)
}
