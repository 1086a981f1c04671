package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/cmd/serveflow/labels"
	"github.com/serveflow/serveflow/internal/brokers"
)

// Watcher reads a label topic as a consumer of labels would, and keeps the final
// label of every flow.
type Watcher struct {
	topic  string
	from   *labels.Follower
	player *Player
	truth  Truth
	show   func(*Label) // called for each label that comes first for its flow

	mu     sync.Mutex
	labels map[string]*Label // by uid
	raw    io.Writer         // the records as they came, one a line; nil for none
	err    error
}

// NewWatcher builds a watcher of one label topic. The labels also go to raw.
func NewWatcher(cluster *brokers.Cluster, topic string, p *Player, truth Truth, raw io.Writer, show func(*Label)) *Watcher {
	from := labels.NewFollower(cluster, topic, true, slog.New(slog.DiscardHandler))
	return &Watcher{topic: topic, from: from, player: p, truth: truth, show: show, raw: raw, labels: map[string]*Label{}}
}

// Run reads all partitions until ctx is done.
func (w *Watcher) Run(ctx context.Context) error {
	err := w.from.Run(ctx, func(m kafka.Message) bool {
		w.take(m.Value, time.Now())
		return true
	})
	return errors.Join(err, w.err)
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
	if !l.Record.Final || w.labels[l.Record.UID] != nil { // a duplicate has an equal id: the first counts
		return
	}
	w.labels[l.Record.UID] = l
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
