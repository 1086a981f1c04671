package flow

import "testing"

// A record up to Jump away from the clock must be believed at once, and one further away
// must not.
func TestRecordsWithinJumpAreBelieved(t *testing.T) {
	const now = 1000 * second
	for _, tt := range []struct {
		ts, want int64
		believed bool
	}{
		{now + second, now + second, true},
		{now - second, now, true},
		{now + 60*second, now + 60*second, true},
		{now - 60*second, now, true},
		{now + 60*second + 1, now, false},
		{now - 60*second - 1, now, false},
	} {
		var c clock
		c.observe(now)
		jumped := c.observe(tt.ts)
		if believed := c.outliers == 0; jumped || believed != tt.believed || c.now != tt.want {
			t.Errorf("%d microseconds from the clock: jumped %v, believed %v, the clock moved by %d",
				tt.ts-now, jumped, believed, c.now-now)
		}
	}
}

// The clock must believe in a jump at record 128 in a row. It then goes on by Jump after a
// jump ahead, and from where it was after a jump back.
func TestJumpTakesAQuorum(t *testing.T) {
	const now = 1000 * second
	for _, tt := range []struct{ to, want int64 }{{5000 * second, now + 60*second}, {10 * second, now}} {
		var c clock
		c.observe(now)
		for i := range 127 {
			if c.observe(tt.to) || c.now != now {
				t.Fatalf("to %d: record %d moved the clock by %d", tt.to, i+1, c.now-now)
			}
		}
		if !c.observe(tt.to) || c.now != tt.want {
			t.Fatalf("to %d: record 128 moved the clock by %d, want %d", tt.to, c.now-now, tt.want-now)
		}
		if c.observe(tt.to+second) || c.now != tt.want+second {
			t.Errorf("to %d: a second later the clock is at %d, want %d", tt.to, c.now-now, tt.want+second-now)
		}
	}
}

// One record that is believed must end the count of outliers.
func TestQuorumIsOfRecordsInARow(t *testing.T) {
	const now, far = 1000 * second, 5000 * second
	var c clock
	c.observe(now)
	for range 3 {
		for range 127 {
			if c.observe(far) {
				t.Fatal("a jump is believed without 128 records in a row")
			}
		}
		c.observe(now)
	}
	if c.now != now {
		t.Errorf("the clock moved by %d", c.now-now)
	}
}

// jumpBack makes the clock of a table believe in a jump 1000 s back. The records that do
// so come 10 ms apart, and the first of them opens the flow named new. It returns what
// was decided.
func jumpBack(table *Table, now float64) string {
	got := run(table, pkt("new", 1, now-1000, syn))
	for i := range JumpQuorum - 1 {
		got += run(table, pkt("new", 1, now-1000+float64(i+1)/100, syn))
	}
	return got
}

// The flows that opened before the clock believed in a jump must end as their own packets
// say: those of the new time by the new time, and those of the old time by the old one.
func TestJumpBackEndsFlowsInTheirOwnTime(t *testing.T) {
	table := New(testConfig())
	run(table, pkt("old", 1, 0, syn))
	if got := jumpBack(table, 0); got != "" {
		t.Fatalf("the jump decided %q", got)
	}
	at := -1000 + 1.27 // where the clock is
	for _, step := range []struct {
		to   float64 // both idle times end 3 s after their packet
		want string
	}{{1.72, ""}, {1.74, "new x timeout"}, {2.99, ""}, {3.01, "old x timeout"}} {
		if got := run(table, pkt("clock", 1, at+step.to, syn)); got != step.want {
			t.Errorf("%v s after the jump: got %q, want %q", step.to, got, step.want)
		}
	}
}

// rebase must shift the flows whose packets can be of the new time, and no other.
func TestRebaseTakesTheFlowsOfTheNewTime(t *testing.T) {
	const ts, shift = 10_000 * second, -9000 * second
	r := testConfig().Rules // the idle time and the lateness are 3 s together
	for _, tt := range []struct {
		first   int64
		rebased bool
	}{
		{ts, true},
		{ts - 3*second, true},
		{ts - 3*second - 1, false},
		{ts + 60*second, true},
		{ts + 60*second + 1, false},
	} {
		f := &Flow{}
		f.Put(1, Packet{TS: tt.first}, nil)
		f.state.reach, f.timer.opened, f.timer.offset = 1, tt.first, 77
		h := timers{f}
		h.rebase(ts, shift, &r)
		want := int64(77)
		if tt.rebased {
			want = shift
		}
		if f.timer.offset != want {
			t.Errorf("first packet %d microseconds from the jump: offset %d, want %d", tt.first-ts, f.timer.offset, want)
		}
		if tt.rebased && f.timer.due != tt.first+shift+3*second {
			t.Errorf("due at %d, want %d", f.timer.due, tt.first+shift+3*second)
		}
	}
}

// A new sensor must start its clock at the latest time of the table, whatever the time of
// its first record.
func TestNewSensorsClockStartsAtTheTablesTime(t *testing.T) {
	table := New(testConfig())
	table.Add(from("a", pkt("a", 1, 0, syn)))
	table.Add(from("b", pkt("b", 1, 5000, syn)))
	a, b := table.sensors.named([]byte("a")), table.sensors.named([]byte("b"))
	if b.clock.now != a.clock.now || b.clock.shift != -5000*second {
		t.Errorf("clocks %d and %d, shift %d", a.clock.now, b.clock.now, b.clock.shift)
	}
	table.Add(from("b", pkt("b", 2, 5001, syn)))
	if table.now != b.clock.now || b.clock.now != a.clock.now+second {
		t.Errorf("table %d, clocks %d and %d", table.now, a.clock.now, b.clock.now)
	}
	table.Add(from("a", pkt("a", 2, .5, syn)))
	if table.now != b.clock.now {
		t.Errorf("table %d went back from %d", table.now, b.clock.now)
	}
}
