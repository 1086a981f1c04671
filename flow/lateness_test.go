package flow

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Each packet record must count once, by how far it lies behind its sensor's clock. A
// bound belongs to the class below it.
func TestLatenessIsCounted(t *testing.T) {
	table := New(testConfig()) // bears one second
	table.Add(pkt("a", 1, 100, syn))
	table.Add(pkt("a", 2, 100, ack))       // at the same time
	table.Add(pkt("b", 1, 99.999, syn))    // 1 ms
	table.Add(pkt("b", 2, 99.9989, syn))   // 1.1 ms
	table.Add(pkt("c", 1, 99, syn))        // exactly the lateness
	table.Add(pkt("c", 2, 98.999999, ack)) // a microsecond more
	table.Add(pkt("d", 99, 85, ack))       // 15 s; no flow looks at it
	table.Add(pkt("e", 1, 1, syn))         // 99 s: counts as a minute
	table.Add(pkt("f", 1, 10_000, syn))    // far ahead: not late
	table.Add(end("a", 2, true))           // dated by the flow's last packet
	got := table.TakeLateness()
	want := Lateness{Sum: 1_000 + 1_100 + 1_000_000 + 1_000_001 + 15_000_000 + 60_000_000, TooLate: 3}
	for bound, n := range map[int64]uint64{0: 3, 1_000: 1, 5_000: 1, 1_000_000: 1, 2_000_000: 1} {
		want.Counts[slices.Index(LatenessBounds[:], bound)] = n
	}
	want.Counts[len(LatenessBounds)] = 2
	if got != want {
		t.Errorf("counted\n%+v, want\n%+v", got, want)
	}
	if again := table.TakeLateness(); again != (Lateness{}) {
		t.Errorf("counted again: %+v", again)
	}
}

// A sensor's clock is its own: another one's records, a jump that is believed, and what is
// read back must not make a record late.
func TestLatenessIsOfTheSensor(t *testing.T) {
	table := New(testConfig())
	table.Add(from("east", pkt("a", 1, 100, syn)))
	table.Add(from("west", pkt("b", 1, 40, syn)))
	table.Add(from("west", pkt("b", 2, 41, syn)))
	table.WarmUp(from("west", pkt("c", 1, 39, syn)))
	for i := range JumpQuorum + 10 {
		table.Add(from("east", pkt("d", 1, 5000+float64(i), syn)))
	}
	if got := table.TakeLateness(); got.Sum != 0 {
		t.Errorf("in order, and %d us late together", got.Sum)
	}
}

// A record that comes after a silence must be measured against the clock that wall time has
// moved: it is what the flow's timeout looked at.
func TestLatenessAfterASilence(t *testing.T) {
	table := New(testConfig())
	table.Add(pkt("a", 1, 0, syn))
	table.Idle(0) // it ended with the record
	table.Idle(2 * time.Second)
	table.Add(pkt("a", 2, 1.7, ack))
	if got := table.TakeLateness(); got.Sum != 300_000 {
		t.Errorf("%d us late, want 300000", got.Sum)
	}
}

// The largest lateness of each sensor must be that of the last one to two minutes.
func TestLargestLatenessOfASensor(t *testing.T) {
	table := New(testConfig())
	if got := table.SensorLateness(nil); len(got) > 0 {
		t.Fatalf("no record has come: %v", got)
	}
	expect := func(when, want string) {
		t.Helper()
		if got := fmt.Sprint(table.SensorLateness(nil)); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	for _, at := range []float64{0, 30, 28, 59, 58.5} {
		table.Add(from("east", pkt("a", 1, at, syn)))
	}
	table.Add(pkt("b", 1, 7, syn))
	expect("in the first minute", "[{ 0s} {east 2s}]")
	table.Add(from("east", pkt("a", 1, 61, syn)))
	table.Add(from("east", pkt("a", 1, 60.5, syn)))
	expect("in the second minute", "[{ 0s} {east 2s}]")
	table.Add(from("east", pkt("a", 1, 119, syn)))
	expect("before it is over", "[{ 0s} {east 2s}]")
	table.Add(from("east", pkt("a", 1, 122, syn)))
	expect("in the third", "[{ 0s} {east 500ms}]")
	table.Idle(0)
	table.Idle(5 * time.Minute)
	expect("after a silence", "[{ 0s} {east 0s}]")
}
