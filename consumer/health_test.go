package consumer

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// expectReady compares the reasons not to be ready.
func expectReady(t *testing.T, what string, h *health, want string) {
	t.Helper()
	got := ""
	if err := h.ready(); err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// Reasons are told in the order of partitions, the whole member's first; each once, and
// three at most.
func TestReasons(t *testing.T) {
	h := newHealth("g", 20*time.Second)
	expectReady(t, "at first", h, "has not joined its group yet")
	h.joined([]int{0, 1, 2, 3, 4})
	expectReady(t, "joined", h, "")
	for _, partition := range []int{3, 1, 2} {
		h.report(partition, errors.New("the leader is gone"))
	}
	expectReady(t, "one reason of three partitions", h, "the leader is gone")
	for _, partition := range []int{3, 2, 4} {
		h.report(partition, fmt.Errorf("no disk under %d", partition))
	}
	expectReady(t, "in order", h, "the leader is gone\nno disk under 2\nno disk under 3")
	h.report(commitProblem, errors.New("no commits"))
	expectReady(t, "three of four", h, "no commits\nthe leader is gone\nno disk under 2")
	h.report(wholeMember, errors.New("no group"))
	expectReady(t, "three of five", h, "no commits\nno group\nthe leader is gone")
	h.report(1, nil)
	h.report(commitProblem, nil)
	h.report(0, nil) // had none
	expectReady(t, "two are mended", h, "no group\nno disk under 2\nno disk under 3")
}

// Why a partition cannot be read holds over a rebalance, for the member that has it still.
func TestReasonsAfterARebalance(t *testing.T) {
	h := newHealth("g", 20*time.Second)
	h.joined([]int{1, 2})
	for _, of := range []int{wholeMember, commitProblem, 1, 2} {
		h.report(of, fmt.Errorf("reason of %d", of))
	}
	h.joined([]int{2, 3})
	expectReady(t, "joined again", h, "reason of 2")
}

const outOfGroup = "consumer: out of group g for 3s, and joining again: does its coordinator answer?"

// A generation's end is no reason, unless the next one does not come in time.
func TestLongRebalances(t *testing.T) {
	for _, test := range []struct {
		name   string
		events func(h *health)
		want   string
	}{
		{"nothing comes", func(h *health) { h.left(); time.Sleep(3 * time.Second) }, outOfGroup},
		{"not yet", func(h *health) { h.left(); time.Sleep(3*time.Second - 1) }, ""},
		{"in time", func(h *health) { h.left(); time.Sleep(2 * time.Second); h.joined(nil); time.Sleep(time.Hour) }, ""},
		{"too late", func(h *health) { h.left(); time.Sleep(4 * time.Second); h.joined(nil) }, ""},
		{"counted from the last one", func(h *health) {
			h.left()
			time.Sleep(2 * time.Second)
			h.joined(nil)
			h.left()
			time.Sleep(3*time.Second - 1)
		}, ""},
		{"two ends in a row", func(h *health) { h.left(); time.Sleep(2 * time.Second); h.left(); time.Sleep(2 * time.Second) }, ""},
		{"another reason is known", func(h *health) { h.left(); h.report(wholeMember, errors.New("no group")); time.Sleep(4 * time.Second) }, "no group"},
		{"stopped", func(h *health) { h.left(); h.stop(); time.Sleep(4 * time.Second) }, ""},
		{"stopped before", func(h *health) { h.stop() }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHealth("g", 20*time.Second)
				h.joined([]int{0})
				test.events(h)
				synctest.Wait()
				expectReady(t, "then", h, test.want)
				h.stop()
			})
		})
	}
}

// A member that reaches a broker, but is not let in, waits for its group: what kept it out
// before is over.
func TestWaitingForTheGroup(t *testing.T) {
	const waits = "consumer: waiting to be let into group g: a broker answers, and the group gives up a member that was killed only 20s after it was last heard"
	refused := errors.New("no broker answers")
	for _, test := range []struct {
		name   string
		events func(h *health)
		want   string
	}{
		{"at the start", func(h *health) { h.reached(); time.Sleep(3 * time.Second) }, waits},
		{"not yet", func(h *health) { h.reached(); time.Sleep(3*time.Second - 1) }, "has not joined its group yet"},
		{"after a fault", func(h *health) { h.report(wholeMember, refused); h.reached(); time.Sleep(3 * time.Second) }, waits},
		{"a fault later", func(h *health) {
			h.reached()
			time.Sleep(2 * time.Second)
			h.report(wholeMember, refused)
			time.Sleep(time.Hour)
		}, "no broker answers"},
		{"several connections", func(h *health) { h.reached(); time.Sleep(2 * time.Second); h.reached(); time.Sleep(time.Second) }, waits},
		{"let in", func(h *health) { h.reached(); h.joined(nil); time.Sleep(time.Hour) }, ""},
		{"let in before", func(h *health) { h.joined(nil); h.reached(); time.Sleep(time.Hour) }, ""},
		{"let in late", func(h *health) { h.reached(); time.Sleep(4 * time.Second); h.joined(nil) }, ""},
		{"stopped", func(h *health) { h.reached(); h.stop(); time.Sleep(time.Hour) }, "has not joined its group yet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHealth("g", 20*time.Second)
				test.events(h)
				synctest.Wait()
				expectReady(t, "then", h, test.want)
				h.stop()
			})
		})
	}
}
