package capture

import (
	"slices"
	"testing"
)

// A sequence number must be taken for the position nearest to the last one, also across
// the end of the 32 bits.
func TestRelativeSeq(t *testing.T) {
	const late = 0xffffff00 // a start shortly before the sequence numbers wrap
	for _, tt := range []struct {
		name                   string
		start, seq, last, wrap uint32
		pos                    int64
		before                 bool
	}{
		{"the last one", 1000, 1500, 1500, 0, 500, false},
		{"the first one", 1000, 1000, 1500, 0, 0, false},
		{"behind the last one", 1000, 2000, 1500, 0, 1000, false},
		{"before the last one", 1000, 1200, 1500, 0, 200, false},
		{"before the first one", 1000, 900, 1500, 0, -100, true},
		{"the first after a wrap", late, 0, late + 0xf0, 0, 0x100, false},
		{"the same after a wrap", late, 0x10, 0x10, 1, 0x110, false},
		{"the last before a wrap", late, 0xffffffff, 0x10, 1, 0xff, false},
		{"the first one, after a wrap", late, late, 0x10, 1, 0, false},
		{"before the second wrap", late, 0xfffffff0, 5, 2, 1<<32 + 0xf0, false},
		{"after the second wrap", late, 7, 0xfffffff0, 1, 1<<32 + 0x107, false},
	} {
		e := &endpoint{start: tt.start}
		if pos, before := e.relativeSeq(tt.seq, tt.last, tt.wrap); int64(pos) != tt.pos || before != tt.before {
			t.Errorf("%s: at %d, before %v, want %d, %v", tt.name, int64(pos), before, tt.pos, tt.before)
		}
	}
}

// Only a smaller number than the highest one means that the sequence numbers wrapped.
func TestSequenceNumbersWrap(t *testing.T) {
	e := &endpoint{}
	e.begin(100, 101)
	if e.start != 100 || e.ack != 100 || e.last != 101 {
		t.Errorf("begins with %+v", e)
	}
	for _, step := range []struct{ seq, wraps uint32 }{{101, 0}, {0xffffffff, 0}, {0xffffffff, 0}, {3, 1}, {4, 1}, {2, 2}} {
		e.moveLast(step.seq)
		e.moveAck(step.seq)
		if e.wraps != step.wraps || e.ackWraps != step.wraps || e.last != step.seq || e.ack != step.seq {
			t.Errorf("at %d: %d and %d wraps, want %d", step.seq, e.wraps, e.ackWraps, step.wraps)
		}
	}
}

func TestNothingAcked(t *testing.T) {
	for _, tt := range []struct {
		start, ack, wraps uint32
		want              bool
	}{{100, 100, 0, true}, {100, 101, 0, true}, {100, 102, 0, false}, {100, 100, 1, false}, {100, 99, 0, false}, {0xffffffff, 0, 1, true}} {
		e := &endpoint{start: tt.start, ack: tt.ack, ackWraps: tt.wraps}
		if got := e.nothingAcked(); got != tt.want {
			t.Errorf("start %d, acknowledged %d after %d wraps: %v", tt.start, tt.ack, tt.wraps, got)
		}
	}
}

// The payload is what lies between the SYN and the FIN, sent or acknowledged.
func TestSize(t *testing.T) {
	open := &endpoint{phase: established}
	for _, tt := range []struct {
		name string
		e    endpoint
		peer *endpoint
		want uint64
	}{
		{"nothing", endpoint{start: 100, last: 100, ack: 100}, open, 0},
		{"a SYN", endpoint{start: 100, last: 101, ack: 100}, open, 0},
		{"ten bytes", endpoint{start: 100, last: 111, ack: 101}, open, 10},
		{"ten bytes and a FIN", endpoint{start: 100, last: 112, ack: 101, fins: 1}, open, 10},
		{"a SYN and a FIN that counts nothing", endpoint{start: 100, last: 101, ack: 101, fins: 1}, open, 0},
		{"more acknowledged than seen", endpoint{start: 100, last: 101, ack: 151}, open, 50},
		{"across a wrap", endpoint{start: 0xfffffff0, last: 0x11, wraps: 1, ack: 0xfffffff1}, open, 0x20},
		{"a half-open connection", endpoint{start: 100, last: 101, ack: 900, prev: synSent, phase: reset}, &endpoint{}, 0},
		{"the same with an answer", endpoint{start: 100, last: 101, ack: 900, prev: synSent, phase: reset}, open, 799},
		{"the same without a reset", endpoint{start: 100, last: 101, ack: 900, prev: synSent, phase: finished}, &endpoint{}, 799},
		{"the same after the handshake", endpoint{start: 100, last: 101, ack: 900, prev: established, phase: reset}, &endpoint{}, 799},
		{"the same without data acknowledged", endpoint{start: 100, last: 151, ack: 101, prev: synSent, phase: reset}, &endpoint{}, 50},
	} {
		if got := tt.e.size(tt.peer); got != tt.want {
			t.Errorf("%s: %d bytes, want %d", tt.name, got, tt.want)
		}
	}
}

func TestScaledCount(t *testing.T) {
	var s scaledCount
	var hits []int
	for n := 1; n <= 2000; n++ {
		if s.hit() {
			hits = append(hits, n)
		}
	}
	if !slices.Equal(hits, []int{1, 10, 100, 1000}) {
		t.Errorf("hits at %v", hits)
	}
}

func TestPhasesOfTheHandshake(t *testing.T) {
	for p, want := range map[phase]bool{inactive: true, synSent: true, synAckSent: true, partial: false, established: false, finished: false, reset: false} {
		if p.handshake() != want {
			t.Errorf("phase %d belongs to the handshake: %v", p, p.handshake())
		}
	}
}
