package cascade

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunWithoutASlowStageWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := spec(t, []int{1}, says(1))
		s.Stages[0].Slow = false
		r := newRig(s, Config{})
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- r.cascade.Run(ctx) }()
		wait(time.Hour)
		select {
		case <-done:
			t.Error("Run has ended")
		default:
		}
		if err := r.cascade.Ready(); err != nil {
			t.Error(err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestReady(t *testing.T) {
	for _, c := range []struct {
		parked    int
		rejecting bool
		ready     bool
	}{
		{0, false, true}, {0, true, true}, {1, false, true}, {1, true, false}, {2, true, false},
	} {
		r := newRig(spec(t, []int{1}, says(1)), Config{})
		r.cascade.onlySlow().addParked(c.parked)
		r.cascade.onlySlow().breaker.rejecting.Store(c.rejecting)
		err := r.cascade.Ready()
		if (err == nil) != c.ready || err != nil && !strings.HasPrefix(err.Error(), "the slow stage s0 hangs or fails, and ") {
			t.Errorf("%d flows wait, rejecting %v: %v", c.parked, c.rejecting, err)
		}
	}
}
