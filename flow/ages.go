package flow

import "time"

// age is a flow's place among the open flows in the order in which they opened.
type age struct {
	older, younger *Flow
	record         int64         // how many records the table had taken
	waited         time.Duration // how long the table had waited
}

// ages are the open flows from the oldest to the youngest. The oldest is the one
// that pins the watermark.
type ages struct{ oldest, youngest *Flow }

// add puts a flow that opens now behind all others.
func (a *ages) add(f *Flow) {
	if f.age.older = a.youngest; a.youngest == nil {
		a.oldest = f
	} else {
		a.youngest.age.younger = f
	}
	a.youngest = f
}

// remove takes a flow out.
func (a *ages) remove(f *Flow) {
	older, younger := f.age.older, f.age.younger
	if older == nil {
		a.oldest = younger
	} else {
		older.age.younger = younger
	}
	if younger == nil {
		a.youngest = older
	} else {
		younger.age.older = older
	}
}
