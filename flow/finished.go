package flow

import (
	"hash/maphash"
	"time"
)

// finished remembers the uids of finished flows: each for a while after its last
// record, and at most limit of them. The oldest is forgotten first.
//
// It keeps a 128-bit hash instead of the uid. The seeds are random, so nobody can
// write uids that collide, and a collision by chance takes some 10^19 uids. This costs
// a third of the memory of a map of strings, and the garbage collector has no pointers
// to follow.
type finished struct {
	seeds          [2]maphash.Seed
	queue          []finishedFlow // a ring; the oldest is at head
	head           int
	count          int
	index          index
	limit          int
	remember       int64 // microseconds
	forgottenEarly int   // uids forgotten before their time, because there was no room
}

// id is the hash of a uid.
type id [2]uint64

// finishedFlow is one entry. Its times are the table's, in microseconds.
type finishedFlow struct {
	id     id
	queued int64
	last   int64 // when its last record came
}

func newFinished(limit int, remember time.Duration) finished {
	return finished{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, limit: limit, remember: remember.Microseconds()}
}

// seen reports whether the uid is remembered. If so, it is remembered for longer.
func (d *finished) seen(uid []byte, now int64) bool {
	if d.count == 0 {
		return false
	}
	i, ok := d.index.find(id{maphash.Bytes(d.seeds[0], uid), maphash.Bytes(d.seeds[1], uid)}, d.queue)
	if ok {
		d.queue[i].last = now
	}
	return ok
}

// add remembers a uid and forgets those that are too old or too many. It looks at two
// old ones for each new one, so that the queue shrinks again after a burst.
func (d *finished) add(uid string, now int64) {
	d.push(finishedFlow{id{maphash.String(d.seeds[0], uid), maphash.String(d.seeds[1], uid)}, now, now})
	for n := 0; n < 2 || d.count > d.limit; n++ {
		d.evictOldest(now, n < maxSecondChances)
	}
}

// maxSecondChances is how many of the oldest may go to the back of a full queue, one
// after the other, because records of theirs still came. So a flood of flows of one
// packet each pushes out its own uids, and not those of flows that go on. Each second
// chance is paid for by a record, so the work per record stays bounded.
const maxSecondChances = 1024

// push appends an entry.
func (d *finished) push(f finishedFlow) {
	if d.count == len(d.queue) {
		d.grow()
	}
	i := d.head + d.count
	if i >= len(d.queue) {
		i -= len(d.queue)
	}
	d.queue[i] = f
	d.count++
	d.index.put(f.id, i, d.queue)
}

// grow makes the ring larger, up to one entry more than the limit.
func (d *finished) grow() {
	larger := make([]finishedFlow, min(max(64, 2*len(d.queue)), d.limit+1))
	copy(larger[copy(larger, d.queue[d.head:]):], d.queue[:d.head])
	d.queue, d.head = larger, 0
	d.index = newIndex(len(larger))
	for i := range d.count {
		d.index.put(d.queue[i].id, i, d.queue)
	}
}

// evictOldest forgets the oldest entry if it is too old or one too many. If a record
// of its flow came since it was queued, and secondChance allows it, the entry moves to
// the back of the queue instead.
func (d *finished) evictOldest(now int64, secondChance bool) {
	f := d.queue[d.head]
	full := d.count > d.limit
	if !full && now-f.queued <= d.remember {
		return
	}
	d.index.remove(f.id, d.queue)
	d.count--
	if d.head++; d.head == len(d.queue) {
		d.head = 0
	}
	switch {
	case secondChance && f.last > f.queued:
		f.queued = f.last
		d.push(f)
	case now-f.last <= d.remember:
		d.forgottenEarly++
	}
}
