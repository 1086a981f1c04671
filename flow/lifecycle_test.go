package flow

import (
	"fmt"
	"reflect"
	"testing"
	"unsafe"

	"github.com/serveflow/serveflow/flow/zeek"
)

// A finished flow must be reused with its storage and without its content.
func TestFinishedFlowIsReusedEmpty(t *testing.T) {
	table := New(testConfig())
	rec := from("east", pkt("a", 1, 0, rst))
	rec.Hdr = make([]byte, 40)
	used, _ := table.Add(rec)
	used.Want, used.Cursors[0] = 2, Cursor{Done: true, Stage: 1, Want: 2, Answer: make([]float32, 3), By: 1, Spent: 5}
	used.Acker = nobody{}
	table.Finish(used)
	if used.UID != "" || used.Acker != nil || used.Reach() != 0 || used.Want != 0 || used.sensor != nil {
		t.Errorf("after Finish: %+v", used)
	}
	if cap(used.packets) != 1 || cap(used.headers) != 48 || cap(used.Cursors[0].Answer) != 3 {
		t.Errorf("room for %d packets, %d header bytes, %d classes", cap(used.packets), cap(used.headers), cap(used.Cursors[0].Answer))
	}
	fresh := New(testConfig())
	plain := pkt("b", 2, 1, ack)
	want, _ := fresh.Add(plain)
	got, _ := table.Add(plain)
	if got != used {
		t.Fatal("the flow is not reused")
	}
	if !reflect.DeepEqual(got.packets, want.packets) || len(got.headers) != 0 || len(got.Cursors[0].Answer) != 0 ||
		got.state != want.state || got.Want != 4 || got.Cursors[0].Stage != 0 || got.Cursors[0].Done || got.Cursors[0].Want != 0 || got.limit != want.limit || got.Sensor != "" {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// nobody is an Acker that is never told anything.
type nobody struct{}

func (nobody) Ack() {}

// The free list must hold maxFree flows at most, and none that is large.
func TestFreeListIsBounded(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Flows, cfg.Limits.Bytes = 2000, 1<<30
	table := New(cfg)
	var open []*Flow
	for i := range 1025 {
		f, _ := table.Add(pkt(fmt.Sprint(i), 1, 0, syn))
		open = append(open, f)
	}
	for _, f := range open {
		table.Finish(f)
	}
	if len(table.free) != 1024 {
		t.Errorf("%d flows are kept for reuse", len(table.free))
	}
	for answers, kept := range map[int]int{-1: 1, 0: 0} {
		table := New(testConfig())
		f, _ := table.Add(pkt("a", 1, 0, syn))
		rest := 2048 - f.bytes() + len(f.UID) // until the emptied flow holds 2048 bytes
		f.Cursors[0].Answer = make([]float32, rest/4+answers)
		table.Finish(f)
		if rest%4 != 0 || len(table.free) != kept {
			t.Errorf("a flow of %d bytes: %d are kept for reuse", 2048+4*answers, len(table.free))
		}
	}
}

// Each step of storage must be counted when it is allocated, and returned at the end.
func TestSizeFollowsTheStorage(t *testing.T) {
	table := New(testConfig())
	size := func() int {
		_, bytes, _ := table.Size()
		return bytes
	}
	packet := func(n uint32, hdr int) {
		rec := pkt("abc", n, 0, ack)
		rec.Hdr = make([]byte, hdr)
		table.Add(rec)
	}
	packet(1, 40)
	one := int(unsafe.Sizeof(Flow{})) + int(unsafe.Sizeof(Cursor{})) + 96 + 3 + int(unsafe.Sizeof(Packet{})) + 48
	if size() != one {
		t.Errorf("one packet: %d bytes, want %d", size(), one)
	}
	packet(2, 24)
	grown := one + 2*int(unsafe.Sizeof(Packet{})) + 16
	if size() != grown {
		t.Errorf("two packets: %d bytes, want %d", size(), grown)
	}
	packet(3, 1)
	if grown += 64; size() != grown {
		t.Errorf("three packets: %d bytes, want %d", size(), grown)
	}
	if !table.Has([]byte("abc")) || table.Has([]byte("ab")) {
		t.Error("Has: abc is open, ab is not")
	}
	f := table.Drain()
	f.Cursors[0].Answer = make([]float32, 14)
	table.Keep(f)
	if size() != grown+14*4 {
		t.Errorf("with an answer: %d bytes, want %d", size(), grown+14*4)
	}
	table.Finish(f)
	if flows, bytes, remembered := table.Size(); flows != 0 || bytes != 0 || remembered != 1 || table.Has([]byte("abc")) {
		t.Errorf("finished: %d flows, %d bytes, %d remembered", flows, bytes, remembered)
	}
}

// The record of conn.log must be counted with its strings.
func TestSizeOfAConnRecord(t *testing.T) {
	table := New(connConfig())
	table.Add(conn("abc", 0, 1))
	_, got, _ := table.Size()
	f := table.Drain()
	want := int(unsafe.Sizeof(Flow{})) + int(unsafe.Sizeof(Cursor{})) + 96 + 3 + int(unsafe.Sizeof(connRecord{})) + cap(f.conn.texts)
	if got != want || cap(f.conn.texts) < len("dnsSFDd") {
		t.Errorf("%d bytes, want %d", got, want)
	}
}

// Room for packets and headers must grow in these steps.
func TestRoomGrowsInSteps(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 3, 3: 3, 4: 6, 6: 6, 7: 10, 10: 10, 11: 20, 20: 20, 21: 40, 40: 40, 41: 64, 64: 64, 65: 65} {
		if got := packetCap(n); got != want {
			t.Errorf("%d packets: room for %d, want %d", n, got, want)
		}
	}
	for n, want := range map[int]int{1: 32, 32: 32, 33: 48, 48: 48, 49: 64, 64: 64, 65: 128, 128: 128, 129: 256, 256: 256, 257: 384} {
		if got := headerCap(n); got != want {
			t.Errorf("%d header bytes: room for %d, want %d", n, got, want)
		}
	}
}

// Only a flow whose first packet never came counts as without it.
func TestLossesCountFlowsWithoutFirst(t *testing.T) {
	for first, want := range map[uint32]int{1: 0, 2: 1, 4: 1} {
		table := New(testConfig())
		run(table, pkt("a", first, 0, ack))
		table.Finish(table.Drain())
		if forgotten, withoutFirst := table.Losses(); forgotten != 0 || withoutFirst != want {
			t.Errorf("from packet %d: %d forgotten, %d without their first packet", first, forgotten, withoutFirst)
		}
	}
	table := New(connConfig())
	run(table, conn("a", 0, 1))
	if _, withoutFirst := table.Losses(); withoutFirst != 0 {
		t.Error("a flow of conn.log has no packets to lack")
	}
}

// A record that cannot open a flow must not make one.
func TestRecordsThatOpenNothing(t *testing.T) {
	table := New(testConfig())
	for _, rec := range []*zeek.Record{end("a", 1, true), pkt("a", 5, 0, syn), {Kind: zeek.Other}, conn("a", 0, 1)} {
		if f, _ := table.Add(rec); f != nil || table.Has([]byte("a")) {
			t.Errorf("a record of kind %d opened a flow", rec.Kind)
		}
	}
}
