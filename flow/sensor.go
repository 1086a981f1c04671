package flow

// maxSensors is how many sensors have a clock of their own in a table. Their names
// come from outside, so there must be a bound. The sensors beyond it share the clock
// of the records that name no sensor.
const maxSensors = 256

// sensor is one writer of records, with the clock that its records move and the flows
// that wait for this clock. So the clocks of two sensors may be minutes apart, and a
// sensor that falls silent or jumps affects only its own flows.
type sensor struct {
	name   string
	clock  clock
	timers timers
	recent recentLateness
}

// sensors are the sensors of one partition. The first one stands for the records that
// name no sensor.
type sensors struct {
	all    []*sensor
	byName map[string]*sensor
	last   *sensor // of the last record: mostly of the next one, too
}

func newSensors() sensors {
	unnamed := &sensor{}
	return sensors{all: []*sensor{unnamed}, byName: map[string]*sensor{"": unnamed}, last: unnamed}
}

// named returns the sensor of this name.
func (s *sensors) named(name []byte) *sensor {
	if string(name) == s.last.name {
		return s.last
	}
	known, ok := s.byName[string(name)]
	switch {
	case ok:
	case len(s.all) > maxSensors:
		return s.all[0]
	default:
		known = &sensor{name: string(name)}
		s.all, s.byName[known.name] = append(s.all, known), known
	}
	s.last = known
	return known
}

// busiest is the sensor with the most open flows.
func (s *sensors) busiest() *sensor {
	most := s.all[0]
	for _, other := range s.all[1:] {
		if len(other.timers) > len(most.timers) {
			most = other
		}
	}
	return most
}
