package drift

import (
	"slices"
	"time"
)

// steps is how often in a window the counters are kept, to be subtracted later.
const steps = 6

// snapshot is what the counters were at a time.
type snapshot struct {
	at     time.Time
	counts []int64
}

// recent gives what was counted within the window: since the youngest snapshot that is as old
// as the window, or else since the oldest. It keeps a snapshot where one is due. Nothing else
// slides the window, so it is as sharp as recent is called often.
func (m *Monitor) recent(now time.Time) []int64 {
	counts := make([]int64, len(m.counts))
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range counts { // under the lock, so that a later snapshot has no smaller numbers
		counts[i] = m.counts[i].Load()
	}
	for len(m.past) > 1 && now.Sub(m.past[1].at) >= m.cfg.Window {
		m.past = m.past[1:]
	}
	if now.Sub(m.past[len(m.past)-1].at) >= m.cfg.Window/steps {
		m.past = append(m.past, snapshot{at: now, counts: slices.Clone(counts)})
	}
	for i, before := range m.past[0].counts {
		counts[i] -= before
	}
	return counts
}
