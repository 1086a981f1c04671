package flow

import (
	"math/rand"
	"testing"
)

// Searches must begin all over the table. Otherwise ids would share slots, and a search
// would pass many of them.
func TestHomesSpread(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	x := newIndex(40)
	hit := make([]bool, len(x))
	for range 100 * len(x) {
		hit[x.home(id{rng.Uint64(), rng.Uint64()})] = true
	}
	for i, ok := range hit {
		if !ok {
			t.Errorf("no search begins at slot %d of %d", i, len(x))
		}
	}
}

// Ids that share their home slot must all be found, whatever is removed, and also across
// the end of the table.
func TestIndexWithCollisions(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	queue := make([]finishedFlow, 40)
	for i := range queue {
		queue[i].id = id{uint64(rng.Intn(4)) - 2, uint64(i)} // homes 62 to 1 of 64
	}
	x, there := newIndex(len(queue)), map[int]bool{}
	for range 3000 {
		i := rng.Intn(len(queue))
		if there[i] {
			x.remove(queue[i].id, queue)
		} else {
			x.put(queue[i].id, i, queue)
		}
		there[i] = !there[i]
		for i := range queue {
			if got, ok := x.find(queue[i].id, queue); ok != there[i] || ok && got != i {
				t.Fatalf("id %d: found %v at %d, want %v", i, ok, got, there[i])
			}
		}
	}
}
