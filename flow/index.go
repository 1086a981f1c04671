package flow

import "math/bits"

// index finds the position of an id in the queue of finished flows. It is a hash
// table with open addressing. A slot holds the position plus one; 0 means free. An id
// is a hash already, so it needs no other one.
type index []uint32

// newIndex makes an index for n ids, at most three quarters full.
func newIndex(n int) index {
	return make(index, 1<<bits.Len(uint(n+n/3)))
}

// next is the slot after i.
func (x index) next(i int) int { return (i + 1) & (len(x) - 1) }

// home is the slot where the search for an id begins.
func (x index) home(u id) int { return int(u[0]) & (len(x) - 1) }

// slot returns the slot that holds the id, or else the free one where it belongs.
func (x index) slot(u id, queue []finishedFlow) int {
	i := x.home(u)
	for x[i] != 0 && queue[x[i]-1].id != u {
		i = x.next(i)
	}
	return i
}

// find returns the id's position in the queue.
func (x index) find(u id, queue []finishedFlow) (position int, ok bool) {
	at := x[x.slot(u, queue)]
	return int(at) - 1, at != 0
}

// put stores the position of an id.
func (x index) put(u id, position int, queue []finishedFlow) {
	x[x.slot(u, queue)] = uint32(position + 1)
}

// remove frees the id's slot. It then moves the ids behind it that could not take
// their home slot, because a search stops at the first free slot.
func (x index) remove(u id, queue []finishedFlow) {
	free := x.slot(u, queue)
	for i := x.next(free); x[i] != 0; i = x.next(i) {
		home := x.home(queue[x[i]-1].id)
		if (i-home)&(len(x)-1) >= (i-free)&(len(x)-1) {
			x[free], free = x[i], i
		}
	}
	x[free] = 0
}
