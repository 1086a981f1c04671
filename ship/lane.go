package ship

import (
	"context"
	"log/slog"
	"time"

	"github.com/serveflow/serveflow/flow/merge"
	"github.com/serveflow/serveflow/flow/zeek"
)

const (
	// lostAfter is how long a file that cannot be read, as on a network that is away, holds the
	// others back.
	lostAfter = 15 * time.Second
	// otherLog is how many lines in a row without a packet or end record tell a file of another
	// log, which the others need not wait for.
	otherLog = 1000
)

// lane merges the packet and end records of one path with those of the other paths, in record
// time: several loggers of one sensor split a flow's records among their files. Only the path's
// goroutine may use it. A nil lane merges nothing.
//
// A path that is read to its end, is not there or cannot be read is not waited for. So records
// of live files pass at once.
type lane struct {
	out    *output
	input  *merge.Input[outgoing]
	others int // lines without a packet or end record since the last one
}

// newLanes builds a lane for each of several paths.
func newLanes(o *output, paths []string, lateness time.Duration) []*lane {
	inputs := merge.New[outgoing](len(paths), merge.Config{Lateness: lateness, Timeout: lostAfter, Lost: func(input int) {
		o.metrics.lost.Inc()
		o.log.Error("a file cannot be read: the others go on without it, and flows with records in it may be cut short",
			"path", paths[input], "waited", lostAfter, slog.String("remedy", "look at the disk or the network that it is on"))
	}})
	var lanes []*lane
	for _, input := range inputs {
		lanes = append(lanes, &lane{out: o, input: input})
	}
	return lanes
}

// take queues a line with its kind and record time; pass sends it. False: the path is merged with
// no other.
func (l *lane) take(kind zeek.Kind, ts int64, out outgoing) bool {
	if l == nil {
		return false
	}
	if l.others++; kind == zeek.Packet || kind == zeek.End {
		l.others = 0
	}
	l.input.Add(kind, ts, out)
	return true
}

// isOtherLog reports whether the path is that of another log, as far as can be told.
func (l *lane) isOtherLog() bool { return l.others > otherLog }

// pass sends what is queued, each record when it is its turn, until ctx is done. atEnd: the path
// has no more records for now. Sending ends with drain.
func (l *lane) pass(ctx, drain context.Context, atEnd bool) {
	switch send := func(out outgoing) { l.out.send(drain, out) }; {
	case l == nil:
	case l.isOtherLog():
		l.input.Leave(send)
	default:
		l.input.Pass(ctx, atEnd, send)
	}
}

// leave says that the path is not merged.
func (l *lane) leave() {
	if l != nil {
		l.input.Leave(func(outgoing) {})
	}
}

// finish sends all that is queued, because no more will come.
func (l *lane) finish(ctx, drain context.Context) {
	l.pass(ctx, drain, true)
	for l != nil && l.input.Len() > 0 && ctx.Err() == nil {
		l.pass(ctx, drain, true) // records that may be wild wait for a while only
	}
}
