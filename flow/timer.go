package flow

import "container/heap"

// timer says when a flow expires, in microseconds. due is a lower bound on the
// sensor's clock. A new packet moves the true time back, and that is computed only
// once the bound has passed: most flows are decided earlier.
type timer struct {
	due    int64
	opened int64 // time of the record that opened the flow
	offset int64 // the sensor's clock minus opened, at that moment
}

// timers is a min-heap of the open flows of one sensor by timer.due.
type timers []*Flow

func (h timers) Len() int           { return len(h) }
func (h timers) Less(i, j int) bool { return h[i].timer.due < h[j].timer.due }
func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = int32(i), int32(j)
}

// Push implements heap.Interface.
func (h *timers) Push(x any) {
	f := x.(*Flow)
	f.index = int32(len(*h))
	*h = append(*h, f)
}

// Pop implements heap.Interface.
func (h *timers) Pop() any {
	last := len(*h) - 1
	f := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return f
}

// expiry is when the flow expires on its sensor's clock. It counts from the moment
// the flow opened. So a flow waits no longer than any other if the clock of its
// sensor is wrong, or if the time of one of its records is.
func (f *Flow) expiry(r *Rules) int64 {
	return f.onClock(f.impatience(r), r)
}

// onClock is when a record time is over for the flow, on its sensor's clock.
func (f *Flow) onClock(ts int64, r *Rules) int64 {
	return later(min(ts, later(f.timer.opened, r.MaxAge))+f.timer.offset, r.Lateness)
}

// start adds the flow.
func (h *timers) start(f *Flow, r *Rules) {
	f.timer.due = f.expiry(r)
	heap.Push(h, f)
}

// rebase corrects the flows that opened before the clock believed in a jump to the
// time ts. They belong to the new time, so the jump must not end them before the
// times of their own packets do.
func (h *timers) rebase(ts, shift int64, r *Rules) {
	for _, f := range *h {
		if f.First() <= ts+Jump && later(f.horizon(r), r.Lateness) >= ts {
			f.timer.offset = shift
			f.timer.due = f.expiry(r)
		}
	}
	heap.Init(h)
}

// hasten corrects the flow where a task has less patience than it had.
func (h *timers) hasten(f *Flow, r *Rules) {
	if due := f.expiry(r); due < f.timer.due {
		f.timer.due = due
		heap.Fix(h, int(f.index))
	}
}

// stop removes the flow.
func (h *timers) stop(f *Flow) {
	heap.Remove(h, int(f.index))
}

// earliest returns the flow that expires first, with its due up to date; nil if there
// is none.
func (h *timers) earliest(r *Rules) *Flow {
	for len(*h) > 0 {
		f := (*h)[0]
		due := f.expiry(r)
		if due <= f.timer.due {
			return f
		}
		f.timer.due = due
		heap.Fix(h, 0)
	}
	return nil
}
