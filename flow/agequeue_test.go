package flow

import (
	"math/rand"
	"slices"
	"testing"
)

// order is the flows of a queue, from the oldest. It fails the test if the links back
// differ.
func order(t *testing.T, q *ageQueue) (flows []*Flow) {
	t.Helper()
	var before *Flow
	for f := q.oldest; f != nil; f = f.queued.younger {
		if f.queued.older != before {
			t.Fatal("the links to the older and the younger flow differ")
		}
		flows, before = append(flows, f), f
	}
	if q.youngest != before {
		t.Fatal("the youngest flow is not the last one")
	}
	return flows
}

// The queue must have the order of a plain list, wherever a flow is removed.
func TestAgeQueue(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	var q ageQueue
	var want []*Flow
	for range 2000 {
		if rng.Intn(5) < 3 && len(want) < 6 || len(want) == 0 {
			f := &Flow{}
			q.add(f)
			want = append(want, f)
		} else {
			i := rng.Intn(len(want))
			q.remove(want[i])
			want = slices.Delete(want, i, i+1)
		}
		if !slices.Equal(order(t, &q), want) {
			t.Fatal("the queue differs from a list")
		}
	}
}
