package merge

import (
	"testing"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// packets is a queue of packet records with these times.
func packets(at ...int64) (queue []queued) {
	for _, ts := range at {
		queue = append(queue, queued{kind: zeek.Packet, ts: ts})
	}
	return queue
}

// times is n records of one time.
func times(n int, ts int64) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = ts
	}
	return all
}

const (
	at     = int64(1_700_000_000_000_000) // where a tracker stands
	jump   = int64(flow.Jump)
	quorum = flow.JumpQuorum
)

// Whose turn a record is, and where the tracker stands then. It begins at at, in era 3,
// after so many packets that may have been wild.
func TestTurns(t *testing.T) {
	here := turn{at: eventTime{3, at}}
	wild := func(ts int64) turn { return turn{at: eventTime{3, ts}, mayBeWild: true} }
	end := func(ts int64) turn { return turn{at: eventTime{3, ts}, strict: true} }
	ended := func(ts int64) []queued { return []queued{{kind: zeek.End, ts: ts}} }
	for _, test := range []struct {
		name   string
		beyond int
		queue  []queued
		want   turn
		now    int64
		era    int
		left   int // beyond, then
	}{
		{"a packet", 5, packets(at+7, 0), turn{at: eventTime{3, at + 7}}, at + 7, 3, 0},
		{"one from before", 5, packets(at-7, 0), here, at, 3, 0},
		{"as far ahead as is no jump", 5, packets(at+jump, 0), turn{at: eventTime{3, at + jump}}, at + jump, 3, 0},
		{"as far back as is no jump", 5, packets(at-jump, 0), here, at, 3, 0},
		{"neither packet nor end", 5, []queued{{kind: zeek.Conn, ts: 0}}, here, at, 3, 5},

		{"an end", 5, ended(at + 7), end(at + 8), at, 3, 5},
		{"an end at this moment", 5, ended(at), end(at + 1), at, 3, 5},
		{"an end from before", 5, ended(at - 1), end(at), at, 3, 5},
		{"an end as far ahead as is no jump", 5, ended(at + jump), end(at + jump + 1), at, 3, 5},
		{"an end from another time", 5, ended(at + jump + 1), end(at), at, 3, 5},

		{"far ahead, before one of this time", 5, packets(at+jump+9, at+7), here, at, 3, 5},
		{"far ahead, before one as far ahead as is no jump", 5, packets(at+jump+1, at+jump), here, at, 3, 5},
		{"far ahead, before one as far back as is no jump", 5, packets(at+jump+1, at-jump), here, at, 3, 5},
		{"far ahead, before one of long ago", 5, packets(at+jump+1, at-jump-1), wild(at + jump + 1), at, 3, 5},
		{"far ahead, before an end", 5, append(packets(at+jump+1), ended(at)...), wild(at + jump + 1), at, 3, 5},
		{"far ahead, and too few follow", 0, packets(append(times(quorum-2, at+jump+9), at+jump+2)...), wild(at + jump + 2), at, 3, 0},
		{"far ahead, as are enough that follow", 0, packets(append(times(quorum-1, at+jump+9), at+jump+2)...), turn{at: eventTime{3, at + jump + 2}}, at + jump + 2, 3, 0},
		{"far ahead, as are those that passed and those that follow", quorum - 2, packets(at+jump+9, at+jump+2), turn{at: eventTime{3, at + jump + 2}}, at + jump + 2, 3, 0},
		{"far ahead, and one packet is missing to that", quorum - 3, packets(at+jump+9, at+jump+2), wild(at + jump + 2), at, 3, quorum - 3},
		{"far ahead, and one of this time further than is looked", 0, packets(append(times(quorum, at+jump+9), at)...), turn{at: eventTime{3, at + jump + 9}}, at + jump + 9, 3, 0},

		{"far back, before one of this time", 5, packets(at-jump-1, at), here, at, 3, 5},
		{"far back, before one as far back as is no jump", 5, packets(at-jump-1, at-jump), here, at, 3, 5},
		{"far back, before one far ahead", 5, packets(at-jump-1, at+9*jump), here, at, 3, 5},
		{"far back, and too few follow", 5, packets(at-jump-1, at-jump-2), here, at, 3, 6},
		{"far back, as are enough that passed", quorum - 1, packets(at-jump-1, at-jump-2), turn{at: eventTime{4, at - jump - 2}}, at - jump - 2, 4, 0},
		{"far back, and one is missing to that", quorum - 2, packets(at-jump-1, at-jump-2), here, at, 3, quorum - 1},
		{"far back, as are all that follow", 0, packets(times(quorum, at-jump-1)...), turn{at: eventTime{4, at - jump - 1}}, at - jump - 1, 4, 0},
		{"far back, and one follows too few", 0, packets(times(quorum-1, at-jump-1)...), here, at, 3, 1},
	} {
		tracker := tracker{now: at, era: 3, seeded: true, beyond: test.beyond}
		if got := tracker.next(test.queue); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
		if tracker.now != test.now || tracker.era != test.era || tracker.beyond != test.left {
			t.Errorf("%s: then at %+v", test.name, tracker)
		}
	}
}

// A tracker begins at the earliest packet that it can see, and begins once.
func TestTrackerBegins(t *testing.T) {
	for _, test := range []struct {
		name  string
		queue []queued
		want  tracker
	}{
		{"a packet", packets(9, 7, 8), tracker{now: 9, seeded: true}},
		{"an end before packets", append([]queued{{kind: zeek.End, ts: 5}}, packets(9, 7)...), tracker{now: 7, seeded: true}},
		{"only an end", []queued{{kind: zeek.End, ts: 5}}, tracker{}},
		{"a packet at the beginning of time", packets(0, 7), tracker{seeded: true}},
		{"further than is looked", append([]queued{{kind: zeek.End, ts: 5}}, packets(append(times(quorum-1, 9), 7)...)...), tracker{now: 9, seeded: true}},
	} {
		var tracker tracker
		if tracker.next(test.queue); tracker != test.want {
			t.Errorf("%s: at %+v, want %+v", test.name, tracker, test.want)
		}
	}
}

func TestPassedPackets(t *testing.T) {
	tracker := tracker{now: at, seeded: true}
	for passed := range quorum - 1 {
		if turn := tracker.next(packets(at + jump + 1)); !turn.mayBeWild {
			t.Fatalf("after %d packets: %+v", passed, turn)
		}
		tracker.passed()
	}
	if turn := tracker.next(packets(at + jump + 1)); turn.mayBeWild || tracker.now != at+jump+1 {
		t.Errorf("after %d packets: %+v", quorum-1, turn)
	}
}

func TestBefore(t *testing.T) {
	for _, test := range []struct {
		a, b  eventTime
		slack int64
		want  bool
	}{
		{eventTime{1, 100}, eventTime{1, 101}, 0, true},
		{eventTime{1, 100}, eventTime{1, 100}, 0, false},
		{eventTime{1, 100}, eventTime{1, 110}, 10, false},
		{eventTime{1, 100}, eventTime{1, 111}, 10, true},
		{eventTime{0, 100}, eventTime{1, 50}, 10, true},
		{eventTime{1, 50}, eventTime{0, 100}, 0, false},
	} {
		if got := test.a.before(test.b, test.slack); got != test.want {
			t.Errorf("%v before %v by more than %d: %t", test.a, test.b, test.slack, got)
		}
	}
}
