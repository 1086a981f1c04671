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

// traffic describes what a producer writes: the lab's flows over and over, each with its own
// uid and times. A flow's records have the gaps that they had in the lab.
type traffic struct {
	flows int
	rate  float64 // flows that begin per second
	only  string  // use only templates that this stage labels; empty: all
}

// outgoing is a record that is queued for a partition.
type outgoing struct {
	flow        int
	silentSince int64 // since when the flow has been silent, microseconds since the epoch
	key         []byte
	value       []byte
}

// producer sends traffic in real time: a record is due at its own record time.
type producer struct {
	traffic    traffic
	sent       *sentLog
	templates  []*template
	client     *kafka.Client
	topic      string
	partitions func() []int    // the partitions of new flows
	queues     []chan outgoing // by partition
	pending    pendingHeap
	rng        *rand.Rand
	stopping   atomic.Bool // no further flow begins
}

// run sends all traffic. It returns when everything is acknowledged, or ctx is done.
func (p *producer) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for partition := range p.queues {
		group.Go(func() error { return p.write(ctx, partition) })
	}
	group.Go(func() error {
		defer p.close()
		return p.schedule(ctx)
	})
	err := group.Wait()
	if err == nil {
		p.sent.mu.Lock()
		p.sent.done = true
		p.sent.mu.Unlock()
	}
	return err
}

func (p *producer) close() {
	for _, q := range p.queues {
		close(q)
	}
}

// schedule queues each record when it is due.
func (p *producer) schedule(ctx context.Context) error {
	base := time.Now().UnixMicro()
	for begun := 0; ; {
		more := begun < p.traffic.flows && !p.stopping.Load()
		if !more && len(p.pending) == 0 {
			return nil
		}
		start := base + int64(float64(begun)*1e6/p.traffic.rate)
		if more && (len(p.pending) == 0 || start <= p.pending[0].at) {
			begun++
			n, tpl := p.pickTemplate(int64(float64(p.traffic.flows-begun)*1e6/p.traffic.rate) + 3e6)
			flow := p.sent.begin(start, n, p.partition(len(p.sent.flows)))
			heap.Push(&p.pending, pendingRecord{start, flow, tpl, 0})
			continue
		}
		if err := p.send(ctx, p.pending[0]); err != nil {
			return err
		}
		if n := &p.pending[0]; n.record+1 < len(n.template.records) {
			n.record++
			n.at = p.sent.flow(n.flow).start + n.template.records[n.record].at
			heap.Fix(&p.pending, 0)
		} else {
			heap.Pop(&p.pending)
		}
	}
}

// pickTemplate picks a random template that takes at most within microseconds, so that the
// flow ends before the traffic does.
func (p *producer) pickTemplate(within int64) (int, *template) {
	for {
		n := p.rng.IntN(len(p.templates))
		if tpl := p.templates[n]; tpl.span <= within && (p.traffic.only == "" || p.traffic.only == tpl.want.Stage) {
			return n, tpl
		}
	}
}

func (p *producer) partition(flow int) int {
	return kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: []byte(p.sent.uid(flow))}, p.partitions()...)
}

// send waits until a record is due and queues it.
func (p *producer) send(ctx context.Context, n pendingRecord) error {
	if wait := time.Until(time.UnixMicro(n.at)); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	flow := p.sent.flow(n.flow)
	rec := n.template.records[n.record].rec
	rec.TS += flow.start
	rec.UID = []byte(p.sent.uid(n.flow))
	out := outgoing{n.flow, flow.start + n.template.silentSince(n.record), rec.UID, zeek.AppendRecord(nil, &rec)}
	select {
	case p.queues[flow.partition] <- out:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pendingRecord is the next record of a flow.
type pendingRecord struct {
	at       int64
	flow     int
	template *template
	record   int
}

// pendingHeap is a heap of the flows' next records, by the time at which they are due.
type pendingHeap []pendingRecord

func (s pendingHeap) Len() int           { return len(s) }
func (s pendingHeap) Less(i, j int) bool { return s[i].at < s[j].at }
func (s pendingHeap) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *pendingHeap) Push(x any)        { *s = append(*s, x.(pendingRecord)) }
func (s *pendingHeap) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

// write writes the records of one partition in order. It retries each batch until it
// succeeds. A record may then be written twice, which does no harm.
func (p *producer) write(ctx context.Context, partition int) error {
	for first := range p.queues[partition] {
		batch := p.collect(first, p.queues[partition])
		for {
			base, err := p.produce(ctx, partition, batch)
			if err == nil {
				p.sent.acknowledged(batch, base)
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

// collect returns first and the records that are queued within some milliseconds.
func (p *producer) collect(first outgoing, queue <-chan outgoing) []outgoing {
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

func (p *producer) produce(ctx context.Context, partition int, batch []outgoing) (int64, error) {
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
