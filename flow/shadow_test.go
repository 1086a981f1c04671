package flow

import (
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// A flow that every task is done with, and that stays open for a shadow alone, is no longer one
// without a label.
func TestFlowsThatAreOpenForShadows(t *testing.T) {
	cfg := Config{Rules: Rules{Depth: 3, Idle: time.Second, MaxAge: time.Minute}, Limits: Limits{Flows: 10, Bytes: 1 << 20, Finished: 10}, Want: 1, Tasks: 2, Shadows: 1}
	table := New(cfg)
	f, _ := table.Add(&zeek.Record{Kind: zeek.Packet, UID: []byte("C1"), N: 1, TS: 1e15})
	if len(f.Cursors) != 3 {
		t.Fatalf("%d cursors", len(f.Cursors))
	}
	for done, want := range []int{1, 1, 0, 0} { // cascades that are done, the tasks' first
		if done > 0 && done < 3 {
			f.Cursors[done-1].Done = true
		}
		table.Keep(f)
		if open, bytes, _ := table.Size(); open != want || bytes == 0 {
			t.Errorf("%d cascades are done: %d flows of %d bytes are open, want %d", done, open, bytes, want)
		}
	}
	table.Finish(f)
	if open, bytes, remembered := table.Size(); open != 0 || bytes != 0 || remembered != 1 {
		t.Errorf("at the end %d flows of %d bytes are open, %d remembered", open, bytes, remembered)
	}
	again, _ := table.Add(&zeek.Record{Kind: zeek.Packet, UID: []byte("C2"), N: 1, TS: 1e15}) // in the storage of the first
	table.Keep(again)
	if open, _, _ := table.Size(); open != 1 || again != f {
		t.Errorf("%d flows are open, want the new one", open)
	}
	cfg.Tasks, cfg.Shadows = 1, -1
	if cfg.Validate() == nil {
		t.Error("-1 shadows are valid")
	}
}

// Where a shadow looks deeper than the tasks, no flow begins with a packet that they do not look at.
func TestNoFlowBeginsBeyondTheTasksDepth(t *testing.T) {
	cfg := Config{Rules: Rules{Depth: 3, Opens: 2, Idle: time.Second, MaxAge: time.Minute}, Limits: Limits{Flows: 10, Bytes: 1 << 20, Finished: 10}, Want: 1, Tasks: 1, Shadows: 1}
	table := New(cfg)
	for _, c := range []struct {
		uid  string
		n    uint32
		want Outcome
	}{{"C1", 3, Beyond}, {"C2", 2, Opened}, {"C2", 3, Added}, {"C2", 4, Beyond}} {
		if _, got := table.Add(&zeek.Record{Kind: zeek.Packet, UID: []byte(c.uid), N: c.n, TS: 1e15}); got != c.want {
			t.Errorf("packet %d of %s: %s, want %s", c.n, c.uid, Outcomes[got], Outcomes[c.want])
		}
	}
	for _, opens := range []int{-1, 4} {
		cfg.Rules.Opens = opens
		if cfg.Validate() == nil {
			t.Errorf("%d packets of 3 may open a flow", opens)
		}
	}
}
