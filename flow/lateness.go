package flow

import "time"

// LatenessBounds are the classes by which Lateness counts records, in microseconds: each
// one holds those up to its bound.
var LatenessBounds = [...]int64{0, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000}

// Lateness says how late packet records were: how far the time of each lay behind its
// sensor's clock when it came. One in order is 0 late. One that lies further back than
// Jump counts as Jump late.
type Lateness struct {
	Counts  [len(LatenessBounds) + 1]uint64 // records by class; the last one has those beyond all bounds
	Sum     int64                           // microseconds
	TooLate uint64                          // records later than Rules.Lateness
}

// add counts a record that was late by microseconds.
func (l *Lateness) add(late int64, r *Rules) {
	if late == 0 { // mostly
		l.Counts[0]++
		return
	}
	class := 1
	if half := len(LatenessBounds) / 2; late > LatenessBounds[half] {
		class = half + 1
	}
	for class < len(LatenessBounds) && late > LatenessBounds[class] {
		class++
	}
	l.Counts[class]++
	l.Sum += late
	if late > r.Lateness.Microseconds() {
		l.TooLate++
	}
}

// Merge adds what another table has counted.
func (l *Lateness) Merge(other *Lateness) {
	for class, n := range other.Counts {
		l.Counts[class] += n
	}
	l.Sum += other.Sum
	l.TooLate += other.TooLate
}

// SensorLateness is the largest lateness of one sensor's packet records, of late.
type SensorLateness struct {
	Sensor  string // as its records name it; empty: those without a name, and beyond maxSensors
	Largest time.Duration
}

// latenessWindow is the time of a sensor's clock over which the largest lateness counts,
// in microseconds: a record counts for one to two of them.
const latenessWindow = 60_000_000

// recentLateness is the largest lateness of one sensor in this window and the one before,
// in microseconds. The zero value has seen no record.
type recentLateness struct {
	current, before int64
	ends            int64 // when this window is over, on the sensor's clock
	seen            bool
}

// add takes a record that was late by microseconds, at a time of the clock.
func (r *recentLateness) add(late, now int64) {
	r.turn(now)
	r.seen, r.current = true, max(r.current, late)
}

// turn begins a new window if this one is over.
func (r *recentLateness) turn(now int64) {
	if now < r.ends {
		return
	}
	r.before = r.current
	if now-r.ends >= latenessWindow {
		r.before = 0
	}
	r.current, r.ends = 0, now+latenessWindow
}

// TakeLateness returns what was counted since the last call.
func (t *Table) TakeLateness() Lateness {
	taken := t.lateness
	t.lateness = Lateness{}
	return taken
}

// SensorLateness appends each sensor with its largest lateness in the last one to two
// minutes of its clock.
func (t *Table) SensorLateness(to []SensorLateness) []SensorLateness {
	for _, s := range t.sensors.all {
		if s.recent.turn(s.clock.now); s.recent.seen {
			to = append(to, SensorLateness{Sensor: s.name, Largest: time.Duration(max(s.recent.current, s.recent.before)) * time.Microsecond})
		}
	}
	return to
}
