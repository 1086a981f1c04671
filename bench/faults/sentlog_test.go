package faults

import (
	"fmt"
	"strconv"
	"sync"
	"time"
)

// sentLog records what was sent. It is small: a million flows take 48 MB.
type sentLog struct {
	tag   string // a part of every uid, so that rows cannot mix
	began time.Time

	mu      sync.Mutex
	flows   []sentFlow
	written [][]int32 // by partition: the flows whose first record is acknowledged, in order of its offset
	done    bool      // every record is acknowledged
	records int       // acknowledged
}

// sentFlow is one flow that was sent.
type sentFlow struct {
	start       int64 // time of the first record, microseconds since the epoch
	firstOffset int64 // offset of the first record
	lastOffset  int64 // offset of the last record that is acknowledged
	ackedAt     int32 // when the first record was acknowledged, milliseconds after sentLog.began
	maxSilence  int32 // the longest time until the next record was acknowledged, milliseconds
	template    int16
	partition   int16
}

// uid returns the uid of a flow. It holds the flow's number, so that no map is needed.
func (l *sentLog) uid(flow int) string { return fmt.Sprintf("C%s%09d", l.tag, flow) }

// flowOf returns the number of the flow with a uid; false for a uid that was never given.
func (l *sentLog) flowOf(uid string) (int, bool) {
	if len(uid) != 1+len(l.tag)+9 || uid[1:1+len(l.tag)] != l.tag {
		return 0, false
	}
	n, err := strconv.Atoi(uid[1+len(l.tag):])
	l.mu.Lock()
	defer l.mu.Unlock()
	return n, err == nil && n >= 0 && n < len(l.flows)
}

// begin records a flow that begins and returns its number.
func (l *sentLog) begin(start int64, template, partition int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flows = append(l.flows, sentFlow{start: start, firstOffset: -1, lastOffset: -1, template: int16(template), partition: int16(partition)})
	return len(l.flows) - 1
}

// acknowledged records that a batch of one partition is written, from the offset base on.
func (l *sentLog) acknowledged(batch []outgoing, base int64) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records += len(batch)
	for i, out := range batch {
		f := &l.flows[out.flow]
		f.lastOffset = base + int64(i)
		f.maxSilence = max(f.maxSilence, int32(now.Sub(time.UnixMicro(out.silentSince)).Milliseconds()))
		if f.firstOffset < 0 {
			f.firstOffset, f.ackedAt = base+int64(i), int32(now.Sub(l.began).Milliseconds())
			l.written[f.partition] = append(l.written[f.partition], int32(out.flow))
		}
	}
}

// flow returns one flow.
func (l *sentLog) flow(flow int) sentFlow {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flows[flow]
}

// reopen records that more flows follow.
func (l *sentLog) reopen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = false
}

// recordCount returns how many records are acknowledged.
func (l *sentLog) recordCount() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records
}

// progress returns how many flows have begun, and whether all records are acknowledged.
func (l *sentLog) progress() (flows int, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.flows), l.done
}
