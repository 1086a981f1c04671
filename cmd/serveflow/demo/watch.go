package demo

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// Watcher reads a label topic as a consumer of labels would, and keeps the final
// label of every flow.
type Watcher struct {
	brokers []string
	topic   string
	player  *Player
	truth   Truth
	show    func(*Label) // called for each label that comes first for its flow

	mu     sync.Mutex
	labels map[string]*Label // by uid
	raw    io.Writer         // the records as they came, one a line; nil for none
	err    error
}

// NewWatcher builds a watcher of one label topic. The labels also go to raw.
func NewWatcher(brokers []string, topic string, p *Player, truth Truth, raw io.Writer, show func(*Label)) *Watcher {
	return &Watcher{brokers: brokers, topic: topic, player: p, truth: truth, show: show, raw: raw, labels: map[string]*Label{}}
}

// Run reads all partitions until ctx is done.
func (w *Watcher) Run(ctx context.Context, partitions int) error {
	var readers sync.WaitGroup
	for id := range partitions {
		readers.Go(func() { w.follow(ctx, id) })
	}
	readers.Wait()
	return w.err
}

func (w *Watcher) follow(ctx context.Context, partition int) {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: w.brokers, Topic: w.topic, Partition: partition,
		MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 250 * time.Millisecond, StartOffset: kafka.FirstOffset})
	defer r.Close()
	for {
		m, err := r.ReadMessage(ctx)
		if err != nil {
			if ctx.Err() == nil {
				w.fail(fmt.Errorf("read labels of %s/%d: %w", w.topic, partition, err))
			}
			return
		}
		w.take(m.Value, time.Now())
	}
}

func (w *Watcher) take(value []byte, came time.Time) {
	l, err := parseLabel(value, came, w.player, w.truth)
	if err != nil {
		w.fail(err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.raw != nil {
		if _, err := fmt.Fprintf(w.raw, "%s\n", value); err != nil && w.err == nil {
			w.err = fmt.Errorf("write the labels file: %w; they are in the topic %s", err, w.topic)
		}
	}
	if !l.Final || w.labels[l.UID] != nil { // a duplicate has an equal id: the first counts
		return
	}
	w.labels[l.UID] = l
	w.show(l)
}

func (w *Watcher) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

// Count is how many flows have their final label.
func (w *Watcher) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.labels)
}

// Labels are the final labels so far, in no order.
func (w *Watcher) Labels() []*Label {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]*Label, 0, len(w.labels))
	for _, l := range w.labels {
		all = append(all, l)
	}
	return all
}
