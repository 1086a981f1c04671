package flow

import (
	"fmt"
	"math/rand"
	"testing"
	"time"
)

// plainFinished does what finished does, with a slice and no hashes.
type plainFinished struct {
	queue           []plainEntry
	limit           int
	remember        int64
	forgottenEarly  int
	maxSecondChance int
}

type plainEntry struct {
	uid          string
	queued, last int64
}

func (p *plainFinished) seen(uid string, now int64) bool {
	for i := range p.queue {
		if p.queue[i].uid == uid {
			p.queue[i].last = now
			return true
		}
	}
	return false
}

func (p *plainFinished) add(uid string, now int64) {
	p.queue = append(p.queue, plainEntry{uid, now, now})
	for n := 0; len(p.queue) > 0 && (n < 2 || len(p.queue) > p.limit); n++ {
		oldest := p.queue[0]
		if len(p.queue) <= p.limit && now-oldest.queued <= p.remember {
			continue
		}
		p.queue = p.queue[1:]
		if n < p.maxSecondChance && oldest.last > oldest.queued {
			p.queue = append(p.queue, plainEntry{oldest.uid, oldest.last, oldest.last})
		} else if now-oldest.last <= p.remember {
			p.forgottenEarly++
		}
	}
}

// The ring and its index must remember and forget what a plain list does.
func TestFinishedIsLikeAPlainList(t *testing.T) {
	for seed := range int64(30) {
		rng := rand.New(rand.NewSource(seed))
		limit, remember := 1+rng.Intn(400), int64(rng.Intn(300))
		got := newFinished(limit, time.Duration(remember)*time.Microsecond)
		want := plainFinished{limit: limit, remember: remember, maxSecondChance: 1024}
		now, next := int64(0), 0
		for range 3000 {
			now += int64(rng.Intn(3))
			uid := fmt.Sprint("C", max(0, next-rng.Intn(2*limit)))
			if rng.Intn(3) == 0 {
				uid = fmt.Sprint("C", next)
				next++
			}
			known := want.seen(uid, now)
			if got.seen([]byte(uid), now) != known {
				t.Fatalf("seed %d: %s is remembered: want %v", seed, uid, known)
			}
			if !known {
				want.add(uid, now)
				got.add(uid, now)
			}
			if got.count != len(want.queue) || got.forgottenEarly != want.forgottenEarly {
				t.Fatalf("seed %d: %d remembered and %d forgotten early, want %d and %d",
					seed, got.count, got.forgottenEarly, len(want.queue), want.forgottenEarly)
			}
		}
		for _, e := range want.queue {
			if !got.seen([]byte(e.uid), now) {
				t.Fatalf("seed %d: %s is forgotten", seed, e.uid)
			}
		}
	}
}

// At most 1024 of the oldest may get a second chance for one new uid. Otherwise one
// record could take as long as the queue.
func TestSecondChancesAreBounded(t *testing.T) {
	const limit = 3000
	d := newFinished(limit, time.Hour)
	for i := range limit {
		d.add(fmt.Sprint(i), 0)
	}
	for i := range limit {
		d.seen(fmt.Append(nil, i), 1)
	}
	d.add("new", 2)
	if d.count != limit || d.forgottenEarly != 1 {
		t.Errorf("%d are remembered, %d forgotten early", d.count, d.forgottenEarly)
	}
	for i := range limit {
		if known := d.seen(fmt.Append(nil, i), 3); known != (i != 1024) {
			t.Errorf("uid %d is remembered: %v", i, known)
		}
	}
}

// The memory of the ring must follow its use, up to one entry more than the limit.
func TestFinishedGrowsToItsLimit(t *testing.T) {
	for i, want := range map[int]int{1: 64, 64: 64, 65: 128, 513: 1001, 5000: 1001} {
		d := newFinished(1000, time.Hour)
		for k := range i {
			d.add(fmt.Sprint(k), 0)
		}
		if len(d.queue) != want {
			t.Errorf("%d uids: room for %d, want %d", i, len(d.queue), want)
		}
	}
	for n, want := range map[int]int{3: 8, 5: 8, 6: 16, 64: 128, 96: 256, 1001: 2048} {
		if got := len(newIndex(n)); got != want {
			t.Errorf("index for %d: %d slots, want %d", n, got, want)
		}
	}
}
