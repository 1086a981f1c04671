package bundle

import (
	"errors"
	"fmt"
	"slices"

	"github.com/serveflow/serveflow/cascade/nprint"
)

func (m *Manifest) checkPatience(s *StageSpec, last bool) error {
	switch {
	case m.Input == Conn && s.Patience != nil:
		return errors.New("patience is for packets; with input \"conn\" leave it out")
	case s.Patience != nil && len(s.Patience) == 0:
		return errors.New("patience is empty; leave it out")
	case s.Patience != nil && s.Engine == slowEngine:
		return errors.New("patience is for engine \"leaves\", behind which a flow may wait for packets; leave it out")
	case s.Patience != nil && last && s.MaxDepth == 0:
		return errors.New("patience is there, but no stage behind it that would wait for a packet; leave it out")
	}
	for i, p := range s.Patience {
		switch {
		case !(p.MS >= .001 && p.MS <= 3_600_000): // records have microseconds
			return fmt.Errorf("patience %d: ms is %v; choose .001, a microsecond, up to an hour", i+1, p.MS)
		case p.Packets < 0 || p.Packets > nprint.MaxDepth:
			return fmt.Errorf("patience %d: packets is %d; choose 1 to %d, or leave it out", i+1, p.Packets, nprint.MaxDepth)
		case p.Classes != nil && len(p.Classes) == 0:
			return fmt.Errorf("patience %d: classes is empty; leave it out for all", i+1)
		}
		if err := m.checkClasses(p.Classes); err != nil {
			return fmt.Errorf("patience %d: %w", i+1, err)
		}
		if before := slices.IndexFunc(s.Patience[:i], func(b PatienceSpec) bool { return b.covers(&p) }); before >= 0 {
			return fmt.Errorf("patience %d: rule %d before it holds for all of its flows; put it before that, or leave it out", i+1, before+1)
		}
	}
	return nil
}

// covers reports whether the rule holds wherever another one does.
func (p *PatienceSpec) covers(other *PatienceSpec) bool {
	missing := func(class string) bool { return !slices.Contains(p.Classes, class) }
	return (p.Packets == 0 || p.Packets == other.Packets) &&
		(p.Classes == nil || other.Classes != nil && !slices.ContainsFunc(other.Classes, missing))
}

// checkPatienceHolds checks that each rule of patience can hold. While a stage's answer stands,
// the flow has as many packets as the stage looks at, or more as long as one behind it waits for
// its own: that is the last stage, if the models between fail. The last stage waits for its own
// next look.
func (m *Manifest) checkPatienceHolds() error {
	last := len(m.Stages) - 1
	for i := range m.Stages {
		s, most := &m.Stages[i], m.Stages[last].Depth-1
		if i == last {
			most = s.MaxDepth - 1
		}
		if s.Patience != nil && most < s.Depth {
			return manifestError("stage %s: patience is there, but nothing behind its answer waits for a packet; leave it out", s.Name)
		}
		for k, p := range s.Patience {
			if p.Packets != 0 && (p.Packets < s.Depth || p.Packets > most) {
				return manifestError("stage %s: patience %d: packets is %d, with which no flow waits behind an answer of this stage; choose %d to %d, or leave the rule out", s.Name, k+1, p.Packets, s.Depth, most)
			}
		}
	}
	return nil
}
