package flow

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// A packet that is missing must show as a hole at its place, or no label would ever say
// that there is a gap. It is filled when the packet comes.
func TestPacketsShowHoles(t *testing.T) {
	table := New(testConfig())
	table.Add(pkt("a", 1, 0, syn))
	f, _ := table.Add(pkt("a", 4, .3, ack))
	if got := places(f); got != "x..x" || f.Reach() != 1 || f.Ready() {
		t.Errorf("packets %s, %d without a hole, ready %v", got, f.Reach(), f.Ready())
	}
	if got := f.Packets(3); len(got) != 3 || got[1].Present || got[2] != (Packet{}) {
		t.Errorf("at depth 3: %+v", got)
	}
	f, _ = table.Add(pkt("a", 3, .2, ack))
	if got := places(f); got != "x.xx" || f.Reach() != 1 {
		t.Errorf("packets %s, %d without a hole", got, f.Reach())
	}
	f, _ = table.Add(pkt("a", 2, .1, ack))
	if got := places(f); got != "xxxx" || f.Reach() != 4 || !f.Ready() || f.Cause() != Reached {
		t.Errorf("packets %s, %d without a hole, ready %v", got, f.Reach(), f.Ready())
	}
}

// A flow that times out with a hole must be decided with the hole in it.
func TestTimedOutFlowKeepsItsHole(t *testing.T) {
	table := New(testConfig())
	run(table, pkt("a", 1, 0, syn), pkt("a", 3, .2, ack))
	f := table.Drain()
	if got := places(f); got != "x.x" || f.Packets(4)[1].Present {
		t.Errorf("packets %s", got)
	}
}

// A packet must be stored once, with its fields and its header, in whatever order the
// packets come and however often the storage grows.
func TestPutStoresEachPacketOnce(t *testing.T) {
	f := &Flow{}
	for _, n := range []int{7, 1, 64, 3, 2, 41, 21, 12} {
		hdr := bytes.Repeat([]byte{byte(n)}, n*3)
		if !f.Put(n, Packet{TS: int64(n), IPLen: int32(n)}, hdr) {
			t.Errorf("packet %d is refused", n)
		}
		if f.Put(n, Packet{TS: -1}, []byte{0xff}) {
			t.Errorf("packet %d is stored twice", n)
		}
	}
	if len(f.Packets(64)) != 64 || f.firstNumber() != 1 || len(f.headers) != 3*(7+1+64+3+2+41+21+12) {
		t.Errorf("%d packets from %d, %d header bytes", len(f.Packets(64)), f.firstNumber(), len(f.headers))
	}
	for i, p := range f.Packets(64) {
		n := i + 1
		if !p.Present {
			continue
		}
		if p.TS != int64(n) || !bytes.Equal(f.Header(&p), bytes.Repeat([]byte{byte(n)}, n*3)) {
			t.Errorf("packet %d: %+v, header % x", n, p, f.Header(&p))
		}
	}
}

// Storage that is large enough must not be replaced: that would cost an allocation for
// every second packet.
func TestPutUsesTheRoomThatIsThere(t *testing.T) {
	f := &Flow{}
	f.Put(1, Packet{}, make([]byte, 40))
	f.Put(2, Packet{}, make([]byte, 44)) // there is room for one more, and for 44 bytes
	packet, header := &f.packets[0], &f.headers[0]
	f.Put(3, Packet{}, make([]byte, 44)) // both are full now
	if &f.packets[0] != packet || &f.headers[0] != header {
		t.Error("the third packet and its header would have had room")
	}
	f.Put(4, Packet{}, make([]byte, 1))
	if &f.packets[0] == packet || &f.headers[0] == header {
		t.Error("the fourth packet has no room of its own")
	}
}

// A flow must begin with its first packet that has come.
func TestFirst(t *testing.T) {
	f := &Flow{}
	if f.First() != 0 || f.firstNumber() != 0 {
		t.Errorf("no packet has come: first %d at %d", f.firstNumber(), f.First())
	}
	for n, want := range map[int]int64{5: 50, 3: 30} {
		f := &Flow{}
		f.Put(n, Packet{TS: want}, nil)
		f.Put(n+1, Packet{TS: 1}, nil)
		if f.First() != want || f.firstNumber() != n {
			t.Errorf("first %d at %d, want %d at %d", f.firstNumber(), f.First(), n, want)
		}
	}
}

// The record of the first packet decides who the originator is. A record between equal
// endpoints has nothing to swap.
func TestEndpointsFollowTheFirstPacket(t *testing.T) {
	table := New(testConfig())
	later, first := pkt("a", 2, .1, ack), pkt("a", 1, 0, syn)
	later.Orig, later.Resp, later.Proto = later.Resp, later.Orig, zeek.UDP
	table.Add(later)
	f, _ := table.Add(first)
	if f.Orig != first.Orig || f.Resp != first.Resp || f.Proto != zeek.TCP {
		t.Errorf("%s to %s, protocol %d", f.Orig, f.Resp, f.Proto)
	}
	if p := f.Packets(4); len(p) != 2 || !p[0].FromOrig || !p[1].FromOrig {
		t.Errorf("%+v", p)
	}
	var got []bool
	for n := range uint32(3) {
		same := pkt("b", 3-n, 0, ack)
		same.Resp = same.Orig
		f, _ = table.Add(same)
	}
	for _, p := range f.Packets(4) {
		got = append(got, p.FromOrig)
	}
	if fmt.Sprint(got) != "[true false true]" {
		t.Errorf("between equal endpoints: sent by the originator %v", got)
	}
}
