package cascade

import (
	"errors"
	"fmt"
	"time"
)

// Config is what a cascade is built with besides its bundle.
type Config struct {
	// Provisional: a flow that the first stage is unsure of gets that stage's
	// label at once, before its final one.
	Provisional bool
	// Queue is how many flows may wait for the slow stage.
	Queue int
	// Workers is how many batches of the slow stage run side by side.
	Workers int
	// Batch is how many flows the slow stage takes at once, at most.
	Batch int
	// Wait is how long a flow may be expected to wait in the queue. If the expected
	// wait is longer, the queue counts as full.
	Wait time.Duration
	// CatchingUp reports whether labels are late anyway, and get no later: then a full queue
	// holds the input back, and no label is made worse. nil: never.
	CatchingUp func() bool
	// Objective is the 99th percentile of the time that flows wait in the queue. While the
	// wait is longer, fewer flows are deferred: the least uncertain ones get the answer
	// that they have, as Degraded. Where it would be longer all the same, the queue counts
	// as full. If Wait is shorter, that counts.
	Objective time.Duration
	// HoldBack: load changes no label. Thresholds stay the bundle's, and a full queue holds
	// the input back. The timeout and the breaker are used.
	HoldBack bool
	// Shared: other tasks decide the same flows, and must not wait for this one. Where a slow
	// stage has no room for a flow that no stage has answered, the flow gets no label of this
	// task, and is counted; otherwise it would wait, and the input with it.
	Shared bool
	// Shadow: nothing waits for the labels, and no place in the log is held for them. Where a
	// slow stage has no room, its flows get the earlier answer, and those without one no
	// label. What is queued at a stop is dropped.
	Shadow bool
	// Timeout is how long a batch of the slow stage may take before the call is
	// abandoned.
	Timeout time.Duration
	// Deterministic is for replays, whose labels must not depend on timing: a full
	// queue holds the input back instead of degrading labels, and neither the timeout
	// nor the circuit breaker of the slow stage is used.
	Deterministic bool
}

// longest is how long a flow may wait in the queue where load may change labels.
func (c *Config) longest() time.Duration { return min(c.Wait, c.Objective) }

// Validate names the first setting that makes no sense.
func (c Config) Validate() error {
	if c.Queue < 1 {
		return fmt.Errorf("cascade: the slow stage's queue is %d flows: choose at least 1", c.Queue)
	}
	if c.Workers < 1 {
		return errors.New("cascade: the slow stage needs at least one worker")
	}
	if c.Wait <= 0 {
		return fmt.Errorf("cascade: flows may wait %v for the slow stage: choose a time above 0 (SERVEFLOW_SLOW_WAIT)", c.Wait)
	}
	if c.Objective <= 0 {
		return fmt.Errorf("cascade: the wait for the slow stage is to be within %v: choose a time above 0 (SERVEFLOW_LATENCY_OBJECTIVE)", c.Objective)
	}
	if c.Timeout <= 0 {
		return fmt.Errorf("cascade: a batch of the slow stage may take %v: choose a time above 0 (SERVEFLOW_SLOW_TIMEOUT)", c.Timeout)
	}
	if c.Batch < 1 {
		return fmt.Errorf("cascade: the slow stage's batch is %d flows: choose at least 1", c.Batch)
	}
	return nil
}
