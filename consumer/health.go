package consumer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// wholeMember stands for a partition where the whole member has a problem.
	wholeMember = -1
	// commitProblem stands for a partition where offsets cannot be committed.
	commitProblem = -2

	// mostReasons is how many reasons not to be ready are told, at most.
	mostReasons = 3
	// longestRebalance is how long a rebalance may take before the member calls itself
	// not ready.
	longestRebalance = 3 * time.Second
)

// health keeps why a member is not at work.
type health struct {
	group   string
	session time.Duration // after which the group gives up a member that is silent

	mu          sync.Mutex
	problems    map[int]error // by partition, or by one of the constants above
	rebalancing *time.Timer   // runs while there is no generation after the last one; nil: there is one
	waiting     *time.Timer   // runs while a broker answers, but the group does not let the member in; nil: neither
}

func newHealth(group string, session time.Duration) *health {
	return &health{group: group, session: session, problems: map[int]error{wholeMember: errors.New("has not joined its group yet")}}
}

// ready says in words why the member is not at work, each reason once; nil if it is.
func (h *health) ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []error
	for _, of := range slices.Sorted(maps.Keys(h.problems)) {
		err := h.problems[of]
		told := slices.ContainsFunc(all, func(other error) bool { return other.Error() == err.Error() })
		if !told && len(all) < mostReasons {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// report notes why a partition is not being read; nil: it is.
func (h *health) report(partition int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if partition == wholeMember {
		h.stopWaiting()
	}
	if err == nil {
		delete(h.problems, partition)
	} else {
		h.problems[partition] = err
	}
}

// joined notes that the member has partitions. Why one of them could not be read holds
// until it is.
func (h *health) joined(partitions []int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopWaiting()
	if h.rebalancing != nil {
		h.rebalancing.Stop()
	}
	h.rebalancing = nil
	maps.DeleteFunc(h.problems, func(of int, _ error) bool { return !slices.Contains(partitions, of) })
}

// left notes that a generation is over. That is no reason not to be ready, unless the
// next one does not come.
func (h *health) left() {
	h.mu.Lock()
	defer h.mu.Unlock()
	var timer *time.Timer
	timer = time.AfterFunc(longestRebalance, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.rebalancing == timer && h.problems[wholeMember] == nil {
			h.problems[wholeMember] = fmt.Errorf("consumer: out of group %s for %v, and joining again: does its coordinator answer?", h.group, longestRebalance)
		}
	})
	h.rebalancing = timer
}

// reached notes that a broker answers. A member that is not let in a while after that waits
// for its group, whatever kept it out before.
func (h *health) reached() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.problems[wholeMember] == nil || h.waiting != nil {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(longestRebalance, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.waiting == timer {
			h.problems[wholeMember] = fmt.Errorf("consumer: waiting to be let into group %s: a broker answers, and the group gives up a member that was killed only %v after it was last heard", h.group, h.session)
		}
	})
	h.waiting = timer
}

func (h *health) stopWaiting() {
	if h.waiting != nil {
		h.waiting.Stop()
	}
	h.waiting = nil
}

// stop ends the timers that may run.
func (h *health) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopWaiting()
	if h.rebalancing != nil {
		h.rebalancing.Stop()
	}
}
