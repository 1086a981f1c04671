package flow

// maxSensors bounds the sensors that have a clock of their own in a table: their
// names come from outside. Those beyond it share the clock of records that name none.
const maxSensors = 256

// sensor is one that writes records, with the clock that its records move and the
// flows that wait for it. So the clocks of two sensors may be minutes apart, and a
// sensor that falls silent or leaps moves only its own flows.
type sensor struct {
	name   string
	clock  clock
	timers timers
}

// sensors are those of one partition; the first is that of records that name none.
type sensors struct {
	all    []*sensor
	byName map[string]*sensor
	last   *sensor // the one of the last record: mostly the next one's too
}

func newSensors() sensors {
	unnamed := &sensor{}
	return sensors{all: []*sensor{unnamed}, byName: map[string]*sensor{"": unnamed}, last: unnamed}
}

// of gives the sensor of that name.
func (s *sensors) of(name []byte) *sensor {
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
