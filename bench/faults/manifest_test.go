package faults

import (
	"fmt"
	"strconv"
	"sync"
	"time"
)

// manifest is what was sent, kept small: a million flows fit into 48 MB.
type manifest struct {
	tag   string // in every uid, so that scenes cannot mix
	began time.Time

	mu      sync.Mutex
	flows   []sentFlow
	written [][]int32 // by partition: the flows whose first record is written, by its offset
	done    bool      // every record is written
	records int       // written
}

// sentFlow is one flow sent.
type sentFlow struct {
	start     int64 // time of the first record, microseconds since the epoch
	first     int64 // offset of the first record
	last      int64 // offset of the last record written
	at        int32 // when the first record was acknowledged, milliseconds since the manifest began
	silence   int32 // the longest until the next record was acknowledged, milliseconds
	template  int16
	partition int16
}

// uid names a flow by its number, so that nobody has to look it up.
func (m *manifest) uid(flow int) string { return fmt.Sprintf("C%s%09d", m.tag, flow) }

// flow is the number of a uid; false for one that was never given.
func (m *manifest) flow(uid string) (int, bool) {
	if len(uid) != 1+len(m.tag)+9 || uid[1:1+len(m.tag)] != m.tag {
		return 0, false
	}
	n, err := strconv.Atoi(uid[1+len(m.tag):])
	m.mu.Lock()
	defer m.mu.Unlock()
	return n, err == nil && n >= 0 && n < len(m.flows)
}

// open notes a flow that begins.
func (m *manifest) open(start int64, template, partition int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flows = append(m.flows, sentFlow{start: start, first: -1, last: -1, template: int16(template), partition: int16(partition)})
	return len(m.flows) - 1
}

// wrote notes that records of one partition are written, from an offset on.
func (m *manifest) wrote(batch []outgoing, base int64) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records += len(batch)
	for i, out := range batch {
		f := &m.flows[out.flow]
		f.last = base + int64(i)
		f.silence = max(f.silence, int32(now.Sub(time.UnixMicro(out.since)).Milliseconds()))
		if f.first < 0 {
			f.first, f.at = base+int64(i), int32(now.Sub(m.began).Milliseconds())
			m.written[f.partition] = append(m.written[f.partition], int32(out.flow))
		}
	}
}

// get is one flow.
func (m *manifest) get(flow int) sentFlow {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.flows[flow]
}

// reopen says that there is more to come.
func (m *manifest) reopen() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = false
}

// count is how many records are written.
func (m *manifest) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records
}

// sent is how many flows have begun, and whether all there will be are written.
func (m *manifest) sent() (flows int, done bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.flows), m.done
}
