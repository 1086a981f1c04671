package flow

import "container/heap"

// timer is a flow's place in the table's heap. due is a lower bound on when the
// flow expires, on its sensor's clock: packets move the true moment back, and
// that is looked up only when the bound has passed.
type timer struct {
	due    int64
	opened int64 // time of the record that opened the flow
	offset int64 // the sensor's clock minus that, then
}

// timers is a min-heap of a sensor's open flows by due.
type timers []*Flow

func (h timers) Len() int           { return len(h) }
func (h timers) Less(i, j int) bool { return h[i].timer.due < h[j].timer.due }
func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = int32(i), int32(j)
}

// Push is heap.Interface's.
func (h *timers) Push(x any) {
	f := x.(*Flow)
	f.index = int32(len(*h))
	*h = append(*h, f)
}

// Pop is heap.Interface's.
func (h *timers) Pop() any {
	last := len(*h) - 1
	f := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return f
}

// expiry is when the flow expires on its sensor's clock. It counts from the
// moment the flow opened, so a flow whose sensor's clock is off, or one of whose
// records is wild, waits no longer than any other.
func (f *Flow) expiry(r *Rules) int64 {
	return later(min(f.horizon(r), later(f.timer.opened, r.MaxAge))+f.timer.offset, r.Lateness)
}

// start puts the flow on the heap.
func (h *timers) start(f *Flow, r *Rules) {
	f.timer.due = f.expiry(r)
	heap.Push(h, f)
}

// leapt puts right the flows that opened while the clock did not believe the time
// that it has now leapt to: they are of that time, ts, and the leap must not end
// them before their packets' own times do.
func (h *timers) leapt(ts, shift int64, r *Rules) {
	for _, f := range *h {
		if f.First() <= ts+Jump && later(f.horizon(r), r.Lateness) >= ts {
			f.timer.offset = shift
			f.timer.due = f.expiry(r)
		}
	}
	heap.Init(h)
}

// stop takes the flow off the heap.
func (h *timers) stop(f *Flow) {
	heap.Remove(h, int(f.index))
}

// earliest gives the flow that expires first, with its due brought up to date;
// nil where there is none.
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
