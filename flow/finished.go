package flow

import (
	"hash/maphash"
	"time"
)

// finished remembers the uids of finished flows, each for a while after its last
// record and no more than limit of them, the oldest forgotten first.
//
// A uid is remembered by a hash of 128 bits under seeds that nobody outside knows:
// for two to be taken for one another takes some 10^19 of them. That, and a table of
// its own that holds no pointer, costs a third of a map of strings, and nothing to
// the garbage collector.
type finished struct {
	seeds    [2]maphash.Seed
	queue    []finish // a ring in order of age, the oldest at head
	head     int
	count    int
	index    index
	limit    int
	remember int64 // microseconds
	early    int   // forgotten for want of room, before their time
}

// id stands for a uid.
type id [2]uint64

// finish is one finished flow; times are the table's.
type finish struct {
	id     id
	queued int64
	last   int64 // its last record
}

func newFinished(limit int, remember time.Duration) finished {
	return finished{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, limit: limit, remember: remember.Microseconds()}
}

// seen reports whether the uid is remembered, and if so renews the memory.
func (d *finished) seen(uid []byte, now int64) bool {
	if d.count == 0 {
		return false
	}
	place, ok := d.index.find(id{maphash.Bytes(d.seeds[0], uid), maphash.Bytes(d.seeds[1], uid)}, d.queue)
	if ok {
		d.queue[place].last = now
	}
	return ok
}

// add remembers a uid and forgets what is too old or too much.
func (d *finished) add(uid string, now int64) {
	d.push(finish{id{maphash.String(d.seeds[0], uid), maphash.String(d.seeds[1], uid)}, now, now})
	for n := 0; d.count > 0 && (n < 2 || d.count > d.limit); n++ { // two out for one in: it shrinks again
		d.tidy(now, n < chances)
	}
}

// chances is how many of the oldest are kept in a row, where there is no room, because
// records of theirs still came. A flood of flows of one packet each then forgets its
// own, not those that go on; and each record that came pays for one.
const chances = 1024

func (d *finished) push(f finish) {
	if d.count == len(d.queue) {
		d.grow()
	}
	place := d.head + d.count
	if place >= len(d.queue) {
		place -= len(d.queue)
	}
	d.queue[place] = f
	d.count++
	d.index.put(f.id, place, d.queue)
}

// grow makes the ring larger, to one place more than the limit at most.
func (d *finished) grow() {
	larger := make([]finish, min(max(64, 2*len(d.queue)), d.limit+1))
	copy(larger[copy(larger, d.queue[d.head:]):], d.queue[:d.head])
	d.queue, d.head = larger, 0
	d.index = newIndex(len(larger))
	for i := range d.count {
		d.index.put(d.queue[i].id, i, d.queue)
	}
}

// tidy forgets the oldest if it is too old or one too many, or, unless that is
// enough of it, puts it to the back of the queue if it was renewed meanwhile.
func (d *finished) tidy(now int64, spare bool) {
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
	case spare && f.last > f.queued:
		f.queued = f.last
		d.push(f)
	case now-f.last <= d.remember:
		d.early++
	}
}

// bytes is what the memory of finished flows holds.
func (d *finished) bytes() int { return len(d.queue)*finishBytes + 4*len(d.index) }
