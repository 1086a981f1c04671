package flow

import "time"

// queued is a flow's link in the ageQueue, and what the table had counted when the
// flow opened.
type queued struct {
	older, younger *Flow
	records        int64         // Table.records
	waited         time.Duration // Table.waited
}

// ageQueue lists the open flows in the order in which they opened. The oldest one
// holds the watermark, so the limits on how long a flow is open look at it alone.
type ageQueue struct{ oldest, youngest *Flow }

// add appends a flow that opens now.
func (q *ageQueue) add(f *Flow) {
	if f.queued.older = q.youngest; q.youngest == nil {
		q.oldest = f
	} else {
		q.youngest.queued.younger = f
	}
	q.youngest = f
}

// remove unlinks a flow.
func (q *ageQueue) remove(f *Flow) {
	older, younger := f.queued.older, f.queued.younger
	if older == nil {
		q.oldest = younger
	} else {
		older.queued.younger = younger
	}
	if younger == nil {
		q.youngest = older
	} else {
		younger.queued.older = older
	}
}
