package flow

import "math/bits"

// index finds an id's place in a queue: a hash table with open addressing, whose
// slots hold the place and one, 0 where they are free. An id is a hash itself.
type index []uint32

// newIndex makes room for n ids, three quarters full at most.
func newIndex(n int) index {
	return make(index, 1<<bits.Len(uint(n+n/3)))
}

// next is the slot behind i.
func (x index) next(i int) int { return (i + 1) & (len(x) - 1) }

// home is the slot where the search for an id begins.
func (x index) home(u id) int { return int(u[0]) & (len(x) - 1) }

// slot is the one that has the id, or the free one where it would be put.
func (x index) slot(u id, queue []finish) int {
	i := x.home(u)
	for x[i] != 0 && queue[x[i]-1].id != u {
		i = x.next(i)
	}
	return i
}

// find gives the id's place.
func (x index) find(u id, queue []finish) (place int, ok bool) {
	at := x[x.slot(u, queue)]
	return int(at) - 1, at != 0
}

func (x index) put(u id, place int, queue []finish) {
	x[x.slot(u, queue)] = uint32(place + 1)
}

// remove frees the id's slot and moves those behind it up that were put there
// because it was taken, so that a search never ends too soon.
func (x index) remove(u id, queue []finish) {
	free := x.slot(u, queue)
	for i := x.next(free); x[i] != 0; i = x.next(i) {
		home := x.home(queue[x[i]-1].id)
		if (i-home)&(len(x)-1) >= (i-free)&(len(x)-1) {
			x[free], free = x[i], i
		}
	}
	x[free] = 0
}
