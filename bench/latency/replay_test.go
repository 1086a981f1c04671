package latency

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/cmd/serveflow/labels"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/sink/producer"
)

// partitions is how many each topic has, as in the README.
const partitions = 6

// bench is a broker, and the replays that it has had.
type bench struct {
	addr    string
	known   map[string]string // true label by uid
	replays int
}

// replay writes the traffic once, in real time, and gives what each side made of it. Sides of one
// replay read the same topic at the same time, each in a group of its own.
func (b *bench) replay(t *testing.T, of *traffic, sides ...side) []*outcome {
	t.Helper()
	b.replays++
	topic := fmt.Sprintf("records-%d", b.replays)
	kafkatest.CreateTopic(t, b.addr, topic, partitions, nil)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer func() { stop(); running.Wait() }()
	var members []*member
	var watchers []*watcher
	cluster := brokers.Plain("latency-bench", b.addr)
	for i, s := range sides {
		m := s.start(t, b.addr, topic, fmt.Sprintf("labels-%d-%d", b.replays, i))
		w := &watcher{counted: of.counted, seen: map[string]bool{}}
		running.Go(func() {
			follow := labels.NewFollower(cluster, m.labels, true, slog.New(slog.DiscardHandler))
			if err := follow.Run(ctx, w.take); err != nil {
				t.Errorf("read %s: %v", m.labels, err)
			}
		})
		members, watchers = append(members, m), append(watchers, w)
	}
	for _, m := range members {
		m.await(t)
	}
	p := newPlayer(cluster, topic)
	running.Go(func() { _ = p.out.Run(ctx) })
	done := func() bool {
		return !slices.ContainsFunc(watchers, func(w *watcher) bool { return w.count() < len(of.counted) })
	}
	p.play(t, of.records, done)
	for end := time.Now().Add(20 * time.Second); !done() && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	var all []*outcome
	for i, m := range members {
		queue := m.slowQueue(t)
		m.stop(t)
		all = append(all, newOutcome(t, sides[i], watchers[i].arrivals(), queue, of, p.begin, b.known))
	}
	t.Logf("%s: records were handed to the producer %.1f ms after they were due at the 99th percentile", sides[0].name, quantile(p.late, .99))
	return all
}

// player writes records when they are due, as ship and send do: keyed by uid, by the same producer.
type player struct {
	out   *producer.Producer
	topic string
	begin time.Time
	late  []float64 // milliseconds from when records were due to when they were handed to the producer, sorted in the end
}

func newPlayer(cluster *brokers.Cluster, topic string) *player {
	out := producer.New(cluster, 8192, producer.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	return &player{out: out, topic: topic}
}

// play writes the records from a second from now on, until all are written or done says that no more are needed.
// A record's ts is when it is due, so times are those of live traffic. Where the player is late,
// latency counts from when the record was due.
func (p *player) play(t *testing.T, records []record, done func() bool) {
	t.Helper()
	p.begin = time.Now().Add(time.Second)
	for i := range records {
		r := &records[i]
		due := p.begin.Add(r.due)
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		if i%100 == 0 && done() {
			break
		}
		p.late = append(p.late, milliseconds(time.Since(due)))
		p.out.Send(t.Context(), producer.Message{Topic: p.topic, Key: []byte(r.uid), Value: r.at(p.begin)})
	}
	slices.Sort(p.late)
}

// watcher is the reader of a label topic. It does no more than note what comes.
type watcher struct {
	counted map[string]bool // uids

	mu   sync.Mutex
	seen map[string]bool // uids
	all  []arrival
}

// arrival is a label's record, and when it was read.
type arrival struct {
	value []byte
	at    time.Time
}

func (w *watcher) take(m kafka.Message) bool {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if uid := string(m.Key); w.counted[uid] && !w.seen[uid] { // one that is written again has the same answer
		w.seen[uid] = true
		w.all = append(w.all, arrival{m.Value, now})
	}
	return true
}

func (w *watcher) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

func (w *watcher) arrivals() []arrival {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.all)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
