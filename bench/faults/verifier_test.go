package faults

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// verifier follows a scene's labels, dead letters and committed offsets while it
// runs, and judges each by what the manifest says.
type verifier struct {
	*scene

	mu        sync.Mutex
	flows     []seenFlow
	unlabeled int // flows below len(flows) without a final label
	places    map[string]map[int]int64
	committed map[int]int64
	checked   []int   // by partition: how many of manifest.written lie below the commit
	short     []short // what the manifest does not know yet
	tally     tally
	err       error // of the last round
}

func newVerifier(c *scene) *verifier {
	v := &verifier{scene: c, committed: map[int]int64{}, checked: make([]int, c.partitions+c.later), places: map[string]map[int]int64{}}
	v.tally.dead = map[string]int{}
	return v
}

// follow looks at everything ten times a second until ctx is done.
func (v *verifier) follow(ctx context.Context) {
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			for _, m := range v.running() {
				m.observe()
			}
			v.look(ctx)
		}
	}
}

// look reads the commits first and the labels then: what lies below a commit is
// labelled by now.
func (v *verifier) look(ctx context.Context) {
	v.mu.Lock()
	defer v.mu.Unlock()
	committed, err := v.scene.committed(ctx)
	if err == nil {
		if err = v.read(ctx, v.labels(), v.label); err == nil {
			v.judge(committed)
			err = v.read(ctx, v.letters(), v.letter)
		}
	}
	v.err = err
}

// read takes what is new in a topic.
func (v *verifier) read(ctx context.Context, topic string, take func(*kafka.Record)) error {
	ends, err := v.ends(ctx, topic)
	if err != nil {
		return fmt.Errorf("%s: %w", topic, err)
	}
	if v.places[topic] == nil {
		v.places[topic] = map[int]int64{}
	}
	places := v.places[topic]
	for partition, s := range ends {
		next, err := v.fetch(ctx, topic, partition, max(places[partition], s.first), s.end, take)
		places[partition] = next
		if err != nil {
			return fmt.Errorf("%s/%d: %w", topic, partition, err)
		}
	}
	return nil
}

// behind is how many flows have no label, and how many records are not committed.
func (v *verifier) behind() (open, lag int64, err error) {
	ends, err := v.ends(context.Background(), v.name)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		err = v.err
	}
	flows, _ := v.sent.sent()
	for partition, s := range ends {
		lag += s.end - v.committed[partition]
	}
	return int64(v.open(flows)), lag, err
}

// open is how many of the flows sent have no label.
func (v *verifier) open(flows int) int { return flows - len(v.flows) + v.unlabeled }

// finish reads everything to its end and sums up.
func (v *verifier) finish() *tally {
	deadline := time.Now().Add(30 * time.Second)
	for v.look(context.Background()); v.err != nil && time.Now().Before(deadline); v.look(context.Background()) {
		time.Sleep(200 * time.Millisecond)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err != nil {
		v.t.Errorf("the topics could not be read to their ends: %v", v.err)
	}
	v.cut()
	v.order()
	y := v.tally
	y.flows, _ = v.sent.sent()
	y.lost = v.open(y.flows)
	v.scene.mu.Lock()
	defer v.scene.mu.Unlock()
	for _, m := range v.members {
		y.memory = max(y.memory, m.peak.Load())
	}
	return &y
}

// complain counts a fault and tells of the first few.
func (v *verifier) complain(count *int, format string, args ...any) {
	if *count++; *count <= 5 {
		v.tally.faults = append(v.tally.faults, fmt.Sprintf(format, args...))
	}
}
