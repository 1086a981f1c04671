package faults

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/await"
)

// verifier reads a harness's labels, dead letters and committed offsets while the row
// runs, and compares them with what was sent.
type verifier struct {
	harness *harness

	mu           sync.Mutex
	flows        []flowState
	unlabelled   int                      // flows in flows without a final label
	nextOffsets  map[string]map[int]int64 // to read, by topic and partition
	committed    map[int]int64            // by partition
	checkedFlows []int                    // by partition: how many of sentLog.written are below the committed offset
	truncated    []truncatedFlow          // to be checked at the end
	result       result
	err          error // of the last poll
}

func newVerifier(h *harness) *verifier {
	v := &verifier{harness: h, committed: map[int]int64{}, checkedFlows: make([]int, h.cfg.partitions+h.cfg.extraPartitions), nextOffsets: map[string]map[int]int64{}}
	v.result.deadLetters = map[string]int{}
	return v
}

// run polls ten times per second until ctx is done.
func (v *verifier) run(ctx context.Context) {
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			for _, m := range v.harness.running() {
				m.sampleMemory()
			}
			v.poll(ctx)
		}
	}
}

// poll reads the committed offsets before the labels: every flow below a committed offset
// must have its label by then.
func (v *verifier) poll(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	committed, err := v.harness.committed(ctx)
	if err == nil {
		if err = v.read(ctx, v.harness.labels(), v.checkLabel); err == nil {
			v.checkCommits(committed)
			err = v.read(ctx, v.harness.deadLetters(), v.deadLetter)
		}
	}
	v.err = err
	return err
}

// read calls take with the new records of a topic.
func (v *verifier) read(ctx context.Context, topic string, take func(*kafka.Record)) error {
	ends, err := v.harness.offsetRanges(ctx, topic)
	if err != nil {
		return fmt.Errorf("%s: %w", topic, err)
	}
	if v.nextOffsets[topic] == nil {
		v.nextOffsets[topic] = map[int]int64{}
	}
	offsets := v.nextOffsets[topic]
	for partition, s := range ends {
		next, err := v.harness.fetch(ctx, topic, partition, max(offsets[partition], s.first), s.end, take)
		offsets[partition] = next
		if err != nil {
			return fmt.Errorf("%s/%d: %w", topic, partition, err)
		}
	}
	return nil
}

// backlog returns the number of flows without a label, and of records that are not
// committed.
func (v *verifier) backlog() (unlabelled, lag int64, err error) {
	ends, err := v.harness.offsetRanges(context.Background(), v.harness.name)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		err = v.err
	}
	flows, _ := v.harness.sent.progress()
	for partition, s := range ends {
		lag += s.end - v.committed[partition]
	}
	return int64(v.unlabelledOf(flows)), lag, err
}

// unlabelledOf returns how many of the flows that were sent have no label.
func (v *verifier) unlabelledOf(flows int) int { return flows - len(v.flows) + v.unlabelled }

// finish reads all topics to their ends and returns the result.
func (v *verifier) finish() *result {
	v.harness.t.Helper()
	var err error
	await.Until(v.harness.t, "the topics to be read to their ends", func() bool {
		err = v.poll(context.Background())
		return err == nil
	}, func() any { return err })
	v.mu.Lock()
	defer v.mu.Unlock()
	v.checkTruncated()
	v.checkOrder()
	res := v.result
	res.flows, _ = v.harness.sent.progress()
	res.lost = v.unlabelledOf(res.flows)
	v.harness.mu.Lock()
	defer v.harness.mu.Unlock()
	for _, m := range v.harness.members {
		res.peakMemory = max(res.peakMemory, m.peakMemory.Load())
	}
	return &res
}

// fail counts a failure, and keeps the text of the first few of its kind.
func (v *verifier) fail(count *int, format string, args ...any) {
	if *count++; *count <= 5 {
		v.result.failures = append(v.result.failures, fmt.Sprintf(format, args...))
	}
}
