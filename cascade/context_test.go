package cascade

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

type ctxKey struct{}

// named is a context that a test can tell from others.
func named(name string) context.Context {
	return context.WithValue(context.Background(), ctxKey{}, name)
}

// A verdict goes out with the context of the call that reached it.
func TestVerdictGoesOutWithTheContextOfItsCall(t *testing.T) {
	for _, c := range []struct {
		name   string
		models []Model
		want   string
	}{
		{"the fast stage is sure", []Model{says(.9), says(.9)}, "[decide]"},
		{"the slow stage answers", []Model{says(.6), says(.9)}, "[decide run]"},
		{"the slow stage fails", []Model{says(.6), modelFunc(fails)}, "[decide run]"},
		{"the queue is full", []Model{says(.6), says(.9)}, "[decide decide decide run]"},
	} {
		var got []any
		r := newRig(spec(t, []int{1, 1}, c.models...), Config{Provisional: true})
		r.cascade.emitter.emit = func(ctx context.Context, _ Verdict) { got = append(got, ctx.Value(ctxKey{})) }
		r.ctx = named("decide")
		r.feed([]int16{0}, 0)
		if c.name == "the queue is full" {
			r.feed([]int16{0}, 0)
		}
		ctx, cancel := context.WithCancel(named("run"))
		cancel()
		if err := r.cascade.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: verdicts with the contexts of %v, want %s", c.name, got, c.want)
		}
	}
}

// The end of a generation frees Decide from whatever blocks it, while the slow stage
// runs on. The flow keeps its place in the log.
func TestDecideReturnsWhenItsContextIsDone(t *testing.T) {
	stuck := func(ctx context.Context, _ Verdict) { <-ctx.Done() }
	for _, c := range []struct {
		name   string
		models []Model
		cfg    Config
		emit   func(context.Context, Verdict)
	}{
		{"a confident verdict cannot be emitted", []Model{says(.9), says(.9)}, Config{}, stuck},
		{"a provisional verdict cannot be emitted", []Model{says(.6), says(.9)}, Config{Provisional: true, Queue: 10}, stuck},
		{"a degraded verdict cannot be emitted", []Model{says(.6), says(.9)}, Config{}, stuck},
		{"the queue is full and the cascade is deterministic", []Model{says(.6), says(.9)}, Config{Deterministic: true}, nil},
		{"the queue is full and no earlier stage answered", []Model{says(.9)}, Config{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(spec(t, []int{1, 1}, c.models...), c.cfg)
				if c.emit != nil {
					r.cascade.emitter.emit = c.emit
				}
				var end context.CancelFunc
				r.ctx, end = context.WithCancel(context.Background())
				decided := make(chan struct{})
				go func() {
					r.feed([]int16{0}, 0)
					r.feed([]int16{0}, 0) // finds the queue full
					close(decided)
				}()
				time.Sleep(time.Hour)
				select {
				case <-decided:
					t.Fatal("nothing held Decide back")
				default:
				}
				end()
				synctest.Wait()
				select {
				case <-decided:
				default:
					t.Error("Decide is still blocked after the end of its generation")
					close(r.cascade.onlySlow().stopped) // lets it return
				}
				if r.acked != 0 || len(r.got) != 0 {
					t.Errorf("%d flows acknowledged, %d verdicts: want none", r.acked, len(r.got))
				}
			})
		})
	}
}
