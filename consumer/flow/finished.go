package flow

import "time"

// finished remembers the uids of finished flows, each for a while after its last
// record and no more than limit of them, the oldest forgotten first.
type finished struct {
	place    map[string]int // uid -> its number in the queue
	queue    []finish       // in order of age; queue[i] has number first+i
	first    int            // number of queue[0]
	head     int            // queue[:head] is forgotten, not yet cut off
	limit    int
	remember int64 // microseconds
}

// finish is one finished flow; times are the partition's clock.
type finish struct {
	uid    string
	queued int64
	last   int64 // its last record
}

func newFinished(limit int, remember time.Duration) finished {
	return finished{place: map[string]int{}, limit: limit, remember: remember.Microseconds()}
}

// seen reports whether the uid is remembered, and if so renews the memory.
func (d *finished) seen(uid []byte, now int64) bool {
	n, ok := d.place[string(uid)]
	if ok {
		d.queue[n-d.first].last = now
	}
	return ok
}

// add remembers a uid and forgets what is too old or too much.
func (d *finished) add(uid string, now int64) {
	d.push(finish{uid, now, now})
	for n := 0; n < 2 && d.head < len(d.queue); n++ { // two out for one in: it shrinks again
		d.tidy(&d.queue[d.head], now)
	}
	if d.head > 1024 && d.head > len(d.queue)/2 {
		d.queue = append(d.queue[:0], d.queue[d.head:]...)
		d.first, d.head = d.first+d.head, 0
	}
}

func (d *finished) push(f finish) {
	d.place[f.uid] = d.first + len(d.queue)
	d.queue = append(d.queue, f)
}

// tidy forgets the oldest if it is too old or one too many, and puts it to the
// back of the queue if it was renewed meanwhile.
func (d *finished) tidy(oldest *finish, now int64) {
	f := *oldest
	full := len(d.place) > d.limit
	if !full && now-f.queued <= d.remember {
		return
	}
	d.head++
	oldest.uid = ""
	if !full && f.last > f.queued {
		f.queued = f.last
		d.push(f)
		return
	}
	delete(d.place, f.uid)
}
