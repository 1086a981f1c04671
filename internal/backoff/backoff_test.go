package backoff

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// The waits double from 100 ms up to the most that the caller allows.
func TestNext(t *testing.T) {
	const ms = time.Millisecond
	for most, want := range map[time.Duration][]time.Duration{
		Most:     {100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms},
		500 * ms: {100 * ms, 200 * ms, 400 * ms, 500 * ms, 500 * ms},
		30 * ms:  {30 * ms, 30 * ms},
	} {
		var wait Wait
		for i, d := range want {
			if wait = wait.Next(most); time.Duration(wait) != d {
				t.Errorf("wait %d of at most %v is %v, want %v", i, most, time.Duration(wait), d)
			}
		}
	}
}

// Sleep ends after the wait, or earlier with its context.
func TestSleep(t *testing.T) {
	for _, test := range []struct {
		wait    Wait
		context time.Duration
		want    time.Duration
	}{
		{0, time.Minute, 0},
		{Wait(time.Second), time.Minute, time.Second},
		{Wait(Most), time.Second, time.Second},
		{Wait(Most), 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), test.context)
			defer stop()
			began := time.Now()
			if test.wait.Sleep(ctx); time.Since(began) != test.want {
				t.Errorf("a wait of %v with a context of %v took %v", time.Duration(test.wait), test.context, time.Since(began))
			}
		})
	}
}
