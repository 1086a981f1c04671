package faults

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/flow/zeek"
)

// traffic is what a producer writes: the lab's flows over and over, each with a uid
// and times of its own, interleaved by their records' own gaps.
type traffic struct {
	flows int
	rate  float64 // flows that begin a second
	only  string  // templates that this stage answers; empty: all
}

// outgoing is a record on its way to a partition.
type outgoing struct {
	flow  int
	since int64 // when the flow fell silent before it, had it come in time; microseconds since the epoch
	key   []byte
	value []byte
}

// player sends traffic in real time: a record's time is the moment at which it is due.
type player struct {
	traffic
	*manifest
	templates  []*template
	client     *kafka.Client
	topic      string
	partitions func() []int    // those that a flow may begin in now
	queues     []chan outgoing // by partition
	due        schedule
	rng        *rand.Rand
	ending     atomic.Bool // no further flows are to begin
}

// run sends everything and returns when it is written, or ctx is done.
func (p *player) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for partition := range p.queues {
		group.Go(func() error { return p.write(ctx, partition) })
	}
	group.Go(func() error {
		defer p.close()
		return p.play(ctx)
	})
	err := group.Wait()
	if err == nil {
		p.mu.Lock()
		p.done = true
		p.mu.Unlock()
	}
	return err
}

func (p *player) close() {
	for _, q := range p.queues {
		close(q)
	}
}

// play hands the records over as they are due.
func (p *player) play(ctx context.Context) error {
	base := time.Now().UnixMicro()
	for begun := 0; ; {
		more := begun < p.traffic.flows && !p.ending.Load()
		if !more && len(p.due) == 0 {
			return nil
		}
		start := base + int64(float64(begun)*1e6/p.rate)
		if more && (len(p.due) == 0 || start <= p.due[0].at) {
			begun++
			n, f := p.choose(int64(float64(p.traffic.flows-begun)*1e6/p.rate) + 3e6)
			flow := p.open(start, n, p.partition(len(p.manifest.flows)))
			heap.Push(&p.due, next{start, flow, f, 0})
			continue
		}
		if err := p.send(ctx, p.due[0]); err != nil {
			return err
		}
		if n := &p.due[0]; n.record+1 < len(n.template.records) {
			n.record++
			n.at = p.manifest.get(n.flow).start + n.template.records[n.record].at
			heap.Fix(&p.due, 0)
		} else {
			heap.Pop(&p.due)
		}
	}
}

// choose takes a template that ends before the traffic does.
func (p *player) choose(within int64) (int, *template) {
	for {
		n := p.rng.IntN(len(p.templates))
		if f := p.templates[n]; f.span <= within && (p.only == "" || p.only == f.want.Stage) {
			return n, f
		}
	}
}

func (p *player) partition(flow int) int {
	return kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: []byte(p.uid(flow))}, p.partitions()...)
}

// send waits until a record is due, and queues it.
func (p *player) send(ctx context.Context, n next) error {
	if wait := time.Until(time.UnixMicro(n.at)); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	flow := p.manifest.get(n.flow)
	rec := n.template.records[n.record].rec
	rec.TS += flow.start
	rec.UID = []byte(p.uid(n.flow))
	out := outgoing{n.flow, flow.start + n.template.before(n.record), rec.UID, zeek.AppendRecord(nil, &rec)}
	select {
	case p.queues[flow.partition] <- out:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// next is a flow's record that is due.
type next struct {
	at       int64
	flow     int
	template *template
	record   int
}

// schedule is a heap of what is due, soonest first.
type schedule []next

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].at < s[j].at }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *schedule) Push(x any)        { *s = append(*s, x.(next)) }
func (s *schedule) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

// write writes one partition's records in order, each batch until it succeeds: a
// record may be written twice, which harms nothing.
func (p *player) write(ctx context.Context, partition int) error {
	for first := range p.queues[partition] {
		batch := p.collect(first, p.queues[partition])
		for {
			base, err := p.produce(ctx, partition, batch)
			if err == nil {
				p.wrote(batch, base)
				break
			}
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// collect adds what else comes within some milliseconds.
func (p *player) collect(first outgoing, queue <-chan outgoing) []outgoing {
	batch := []outgoing{first}
	linger := time.After(5 * time.Millisecond)
	for len(batch) < 1000 {
		select {
		case out, open := <-queue:
			if !open {
				return batch
			}
			batch = append(batch, out)
		case <-linger:
			return batch
		}
	}
	return batch
}

func (p *player) produce(ctx context.Context, partition int, batch []outgoing) (int64, error) {
	records := make([]kafka.Record, len(batch))
	for i, out := range batch {
		records[i] = kafka.Record{Time: time.Now(), Key: kafka.NewBytes(out.key), Value: kafka.NewBytes(out.value)}
	}
	resp, err := p.client.Produce(ctx, &kafka.ProduceRequest{Topic: p.topic, Partition: partition,
		RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...), Compression: kafka.Lz4})
	if err == nil {
		err = resp.Error
	}
	if err != nil {
		return 0, err
	}
	return resp.BaseOffset, nil
}
