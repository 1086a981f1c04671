package partition

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/offset"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/backoff"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/delivery"
)

const (
	// fullPause is the time between two looks at whether a full partition may be read on.
	fullPause = 50 * time.Millisecond
	// announcePause is the time between two looks at whether a commit names the bundle.
	announcePause = 5 * time.Millisecond
	// longestAnnounce is how long that may take before the partition says that it waits.
	longestAnnounce = 3 * time.Second
)

// Partition is one partition of one generation.
type Partition struct {
	cfg     *Config
	id      int
	deps    Dependencies
	log     *slog.Logger
	fetcher *fetcher

	writers   offset.Writers
	earlier   []string  // bundles that may have labelled, since a time, flows that are read again
	since     time.Time // that time
	recalled  []string  // bundles that were held when labels were last looked up; nil: never
	asked     []string  // bundles that a commit was asked for last to name
	announced []string  // bundles that are held, and that a commit names
	adopted   bool      // new flows have a bundle to begin with

	announcing time.Time // since when nothing is read because no commit names a bundle; zero: it is read

	resumed  bool      // InFlight stands where to go on
	warm     bool      // the handler knows which flows are finished
	warmedTo int64     // offset of the next record to read for that
	told     time.Time // when the committer was last told
	rested   time.Time // when the handler was last told of a fetch
}

// New builds a partition, which starts nothing.
func New(cfg *Config, id int, deps Dependencies) *Partition {
	return &Partition{cfg: cfg, id: id, deps: deps, fetcher: newFetcher(cfg, id, deps.Memory),
		log: deps.Log.With("topic", cfg.Topic, "partition", id)}
}

// Run reads the partition until ctx, the generation's, is done. It returns when what is
// under way is written, or after the drain timeout.
func (p *Partition) Run(ctx context.Context) {
	defer p.fetcher.close()
	ended := make(chan time.Time, 1)
	context.AfterFunc(ctx, func() { ended <- time.Now() }) // the partition may be blocked just then
	for wait := backoff.Wait(0); ctx.Err() == nil; wait = wait.Next(backoff.Most) {
		err := p.begin(ctx)
		for err == nil && ctx.Err() == nil {
			if err = p.step(ctx); err == nil {
				wait = 0
			}
		}
		if ctx.Err() == nil {
			err = brokers.Explain(err, fmt.Sprintf("read %s/%d", p.cfg.Topic, p.id), p.cfg.Topic, p.cfg.Group)
			p.deps.Report(p.id, err)
			p.deps.Metrics.fetchFailures.Inc()
			p.log.Warn("cannot read, will try again", "err", err)
			wait.Sleep(ctx)
		}
	}
	p.finish(<-ended)
}

// step fetches once and takes what comes, unless too much is in flight already.
func (p *Partition) step(ctx context.Context) error {
	may, err := p.adopt(ctx)
	switch low := p.deps.InFlight.Low(); {
	case err != nil:
	case !may:
		p.waitForCommit(ctx)
	case p.deps.InFlight.Full():
		p.waitForRoom(ctx, low)
	default:
		err = p.pollOnce(ctx)
	}
	if time.Since(p.told) > p.cfg.CommitEvery/4 { // a checkpoint lists every pin, which costs
		p.told = time.Now()
		p.deps.Committer.Advance(p.id, p.checkpoint())
	}
	p.deps.Metrics.observe(p.id, p.deps.InFlight)
	return err
}

func (p *Partition) pollOnce(ctx context.Context) error {
	next, atEnd, err := p.fetcher.poll(ctx, p.deps.InFlight.Next(), func(rec *fetch.Record) error {
		p.take(ctx, rec)
		return ctx.Err()
	})
	if err == nil { // only a fetch shows that reading is allowed
		p.deps.InFlight.Advance(next)
		p.tellLag(p.fetcher.behind)
		p.deps.Report(p.id, nil)
	}
	p.deps.Handler.AfterFetch(ctx, atEnd, p.waited(atEnd, time.Now()))
	return err
}

// tellLag tells how many records are not taken yet.
func (p *Partition) tellLag(records int64) {
	p.deps.Metrics.lag(p.id, records, p.fetcher.newest)
	if newest := p.fetcher.newest; !newest.IsZero() && newest.UnixMilli() <= 0 {
		records = 0 // its producer gives records no time: nobody can say how late they are
	}
	p.deps.Backlog.Observe(p.id, records, p.fetcher.newest, time.Now())
}

// waitForRoom waits a moment for what holds the low watermark. Flows are decided before
// they hold it for so long, so it is a label or a dead letter that cannot be written.
func (p *Partition) waitForRoom(ctx context.Context, low int64) {
	p.deps.Report(p.id, fmt.Errorf("consumer: %s/%d is not read on: what came of its offset %d is not written, and %d records behind it wait",
		p.cfg.Topic, p.id, low, p.deps.InFlight.Next()-low))
	backoff.Wait(fullPause).Sleep(ctx)
	p.deps.Handler.AfterFetch(ctx, false, 0)
	if p.deps.InFlight.Low(); !p.deps.InFlight.Full() {
		p.deps.Report(p.id, nil)
	}
	p.rested = time.Now()
}

// waited is how long the partition stood at its end and waited for records since it
// last said so. Time in which records were there, or could not be read, or the process
// stood still, does not count: it must not end flows whose packets lie in the topic.
func (p *Partition) waited(atEnd bool, now time.Time) time.Duration {
	since := now.Sub(p.rested)
	p.rested = now
	if !atEnd {
		return 0
	}
	return min(since, p.cfg.MaxWait)
}

// take hands one record to the handler. What is bad, and what could not even be read,
// goes to the dead letters.
func (p *Partition) take(ctx context.Context, rec *fetch.Record) {
	switch needed := p.deps.InFlight.Needs(rec.Offset); {
	case !needed && rec.Err == nil:
		p.deps.Handler.WarmUp(ctx, rec.Value)
	case !needed: // it is among the dead letters
	case rec.Err != nil:
		p.deps.Metrics.unread[rec.Err.Reason].Inc()
		p.reject(ctx, rec, "fetch", rec.Err.Reason, rec.Err)
	default:
		if err := p.deps.Handler.Take(ctx, rec.Value, rec.Offset, p.deps.InFlight); err != nil {
			p.reject(ctx, rec, "decode", zeek.ReasonOf(err), err)
		}
	}
	p.deps.InFlight.Advance(rec.Last + 1)
}

// reject sends a record to the dead letters, which hold its place.
func (p *Partition) reject(ctx context.Context, rec *fetch.Record, stage, reason string, err error) {
	p.deps.DeadLetters.Put(ctx, delivery.DeadLetter{
		Value: rec.Value, Size: rec.Size, Cut: len(rec.Value) < rec.Size,
		Topic: p.cfg.Topic, Partition: p.id, Offset: rec.Offset, Offsets: rec.Last - rec.Offset + 1,
		Reason: reason, Stage: stage, Err: err, Acker: p.deps.InFlight.Pin(rec.Offset)})
}

// finish waits for what is being written, counted from the generation's end, and tells
// the committer once more. What is still open stays pinned, so the checkpoint says that
// it is needed: whoever reads the partition next begins there.
func (p *Partition) finish(ended time.Time) {
	deadline := ended.Add(p.cfg.DrainTimeout)
	for p.deps.InFlight.Unacknowledged() > p.deps.Handler.Open() && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if p.resumed {
		p.deps.Committer.Advance(p.id, p.checkpoint())
	}
	p.deps.Metrics.forget(p.id)
	p.deps.Backlog.Forget(p.id)
}
