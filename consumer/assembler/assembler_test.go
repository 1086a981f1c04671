package assembler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/internal/metricstest"
)

func testConfig() flow.Config {
	return flow.Config{Rules: flow.Rules{Depth: 4, Idle: 2 * time.Second, MaxAge: 10 * time.Second, Lateness: time.Second},
		Limits: flow.Limits{Flows: 100, Bytes: 1 << 20, Finished: 100}, Remember: time.Minute, Want: 2}
}

// packet is a packet record; at is seconds.
func packet(uid string, n int, at float64) []byte {
	return fmt.Appendf(nil, `{"ev":"pkt","ts":%.6f,"uid":%q,"id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"udp","n":%d,"is_orig":true,"hdr":"RQAAHA=="}`,
		1.7e9+at, uid, n)
}

// end is the end record of a flow that sent n packets.
func end(uid string, n int) []byte {
	return fmt.Appendf(nil, `{"ev":"end","ts":%.6f,"uid":%q,"id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"udp","sent":%d}`, 1.7e9, uid, n)
}

// rig is an assembler of partition 3, and what it works with.
type rig struct {
	t         *testing.T
	ctx       context.Context
	assembler *Assembler
	registry  *prometheus.Registry

	decided []string       // uid, packets and cause of each flow that the decider was asked about
	more    map[string]int // by uid: packets that the decider wants beside those that it was shown first
	answer  []float32      // what the decider stores in a flow that waits for more
	pinned  []int64        // offsets
}

func newRig(t *testing.T, change func(*flow.Config), limits zeek.Limits) *rig {
	cfg := testConfig()
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, registry: prometheus.NewRegistry(), more: map[string]int{}}
	r.ctx = context.WithValue(t.Context(), contextKey{}, true)
	r.assembler = New(cfg, limits, 3, r, NewMetrics(r.registry))
	return r
}

type contextKey struct{}

func (r *rig) Close() {}

func (r *rig) Decide(ctx context.Context, f *flow.Flow) bool {
	if ctx.Value(contextKey{}) == nil {
		r.t.Error("the decider does not get the caller's context")
	}
	if f.Acker == nil {
		r.t.Errorf("%s comes without a pinned offset", f.UID)
	}
	r.decided = append(r.decided, fmt.Sprintf("%s/%d %s", f.UID, f.Reach(), f.Cause()))
	if more := r.more[f.UID]; more > 0 {
		delete(r.more, f.UID)
		f.Want += int8(more)
		f.Cursors[0].Answer = append(f.Cursors[0].Answer, r.answer...)
		return false
	}
	return true
}

func (r *rig) Pin(offset int64) delivery.Acker {
	r.pinned = append(r.pinned, offset)
	return unheard{}
}

// unheard is an acker that nobody looks at.
type unheard struct{}

func (unheard) Ack() {}

// step is something that befalls an assembler.
type step func(*rig)

func take(value []byte, offset int64) step {
	return func(r *rig) {
		if err := r.assembler.Take(r.ctx, value, offset, r); err != nil {
			r.t.Errorf("%s: %v", value, err)
		}
	}
}

// bad is a record that is refused for a reason.
func bad(value, reason string) step {
	return func(r *rig) {
		var bad *zeek.Error
		if err := r.assembler.Take(r.ctx, []byte(value), 100, r); !errors.As(err, &bad) || bad.Reason != reason {
			r.t.Errorf("%q: %v, want the reason %s", value, err, reason)
		}
	}
}

func warmUp(value []byte) step    { return func(r *rig) { r.assembler.WarmUp(r.ctx, value) } }
func drain(r *rig)                { r.assembler.Drain(r.ctx) }
func idle(d time.Duration) step   { return func(r *rig) { r.assembler.AfterFetch(r.ctx, true, d) } }
func more(uid string, n int) step { return func(r *rig) { r.more[uid] = n } }

func TestAssembler(t *testing.T) {
	for _, test := range []struct {
		name    string
		config  func(*flow.Config)
		limits  zeek.Limits
		steps   []step
		decided []string
		pinned  []int64
		open    int
		counted map[string]float64 // records by outcome
	}{
		{name: "the record that opens a flow is pinned, and no other",
			steps:   []step{take(packet("a", 1, 0), 5), take(packet("a", 1, 0), 6), take(packet("b", 1, 0), 7), take(packet("a", 2, 0), 8), take(packet("a", 3, 0), 9)},
			decided: []string{"a/2 reached"}, pinned: []int64{5, 7}, open: 1,
			counted: map[string]float64{"opened": 2, "added": 1, "duplicate": 1, "late": 1}},
		{name: "the decider wants more packets",
			steps:   []step{more("a", 2), take(packet("a", 1, 0), 0), take(packet("a", 2, 0), 1), take(packet("a", 3, 0), 2), take(packet("a", 4, 0), 3)},
			decided: []string{"a/2 reached", "a/4 reached"}, pinned: []int64{0},
			counted: map[string]float64{"opened": 1, "added": 3}},
		{name: "records that belong to no flow",
			steps:   []step{take([]byte(`{"_path":"weird","ts":1}`), 0), take(end("a", 1), 1), take(packet("a", 5, 0), 2)},
			counted: map[string]float64{"foreign": 1, "end_unopened": 1, "beyond": 1}},
		{name: "an end record ends the wait for a packet",
			steps:   []step{take(packet("a", 1, 0), 0), take(end("a", 1), 1)},
			decided: []string{"a/1 timeout"}, pinned: []int64{0}, counted: map[string]float64{"opened": 1, "end": 1}},
		{name: "records of other flows end one",
			steps:   []step{take(packet("a", 1, 0), 0), take(packet("b", 1, 2.9), 1), take(packet("b", 1, 3.1), 2)},
			decided: []string{"a/1 timeout"}, pinned: []int64{0, 1}, open: 1, counted: map[string]float64{"opened": 2, "duplicate": 1}},
		{name: "several at once",
			steps:   []step{take(packet("a", 1, 0), 0), take(packet("b", 1, 0), 1), take(packet("c", 1, 9), 2)},
			decided: []string{"a/1 timeout", "b/1 timeout"}, pinned: []int64{0, 1, 2}, open: 1, counted: map[string]float64{"opened": 3}},
		{name: "there is no room",
			config:  func(c *flow.Config) { c.Limits.Flows = 1 },
			steps:   []step{take(packet("a", 1, 0), 0), take(packet("b", 1, 0), 1)},
			decided: []string{"a/1 evicted"}, pinned: []int64{0, 1}, open: 1, counted: map[string]float64{"opened": 2}},
		{name: "bad records open nothing",
			limits: zeek.Limits{Record: 1000},
			steps:  []step{bad("", zeek.BadSyntax), bad("{", zeek.BadSyntax), bad(strings.Repeat(" ", 1001), zeek.TooLong)}},
		{name: "open flows wait no longer for bad records than for others",
			config: func(c *flow.Config) { c.Limits.Records = 3 },
			steps:  []step{take(packet("a", 1, 0), 0), bad("", zeek.BadSyntax), bad("", zeek.BadSyntax), take(packet("b", 1, 0), 3)},
			// The third record behind a's decides it.
			decided: []string{"a/1 evicted"}, pinned: []int64{0, 3}, open: 1, counted: map[string]float64{"opened": 2}},
		{name: "a bad record decides, too",
			config:  func(c *flow.Config) { c.Limits.Records = 2 },
			steps:   []step{take(packet("a", 1, 0), 0), bad("", zeek.BadSyntax), bad("", zeek.BadSyntax)},
			decided: []string{"a/1 evicted"}, pinned: []int64{0}, counted: map[string]float64{"opened": 1}},
		{name: "finished before: it opens nothing, now or later",
			steps:   []step{warmUp(packet("a", 1, 0)), warmUp(packet("a", 2, 0)), take(packet("a", 3, 0), 9)},
			counted: map[string]float64{"late": 1}},
		{name: "finished before, of an open flow",
			steps:   []step{more("a", 1), take(packet("a", 1, 0), 5), warmUp(packet("a", 2, 0)), take(packet("a", 3, 0), 7)},
			decided: []string{"a/2 reached", "a/3 reached"}, pinned: []int64{5}, counted: map[string]float64{"opened": 1, "added": 2}},
		{name: "finished before: bad records",
			steps:  []step{take(packet("a", 1, 0), 5), warmUp([]byte("bad")), warmUp(nil)},
			pinned: []int64{5}, open: 1, counted: map[string]float64{"opened": 1}},
		{name: "finished before: its time counts",
			steps:   []step{take(packet("a", 1, 0), 5), warmUp(packet("b", 1, 4))},
			decided: []string{"a/1 timeout"}, pinned: []int64{5}, counted: map[string]float64{"opened": 1}},
		{name: "waits at the partition's end, the first of which was for a's record",
			steps:   []step{take(packet("a", 1, 0), 0), idle(4 * time.Second), idle(time.Second), idle(2*time.Second + time.Microsecond)},
			decided: []string{"a/1 timeout"}, pinned: []int64{0}, counted: map[string]float64{"opened": 1}},
		{name: "however short that one was",
			steps:   []step{take(packet("a", 1, 0), 0), idle(1), idle(3*time.Second + time.Microsecond)},
			decided: []string{"a/1 timeout"}, pinned: []int64{0}, counted: map[string]float64{"opened": 1}},
		{name: "there are records to read: no wait",
			steps:  []step{take(packet("a", 1, 0), 0), idle(0), idle(4 * time.Second), idle(0), idle(2 * time.Second)},
			pinned: []int64{0}, open: 1, counted: map[string]float64{"opened": 1}},
		{name: "no record will follow",
			steps:   []step{take(packet("a", 1, 0), 0), take(packet("b", 1, 1), 1), drain, drain},
			decided: []string{"a/1 timeout", "b/1 timeout"}, pinned: []int64{0, 1}, counted: map[string]float64{"opened": 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, test.config, test.limits)
			for _, step := range test.steps {
				step(r)
			}
			if !slices.Equal(r.decided, test.decided) {
				t.Errorf("decided %q, want %q", r.decided, test.decided)
			}
			if !slices.Equal(r.pinned, test.pinned) {
				t.Errorf("pinned %d, want %d", r.pinned, test.pinned)
			}
			if got := r.assembler.Open(); got != test.open {
				t.Errorf("%d flows are open, want %d", got, test.open)
			}
			r.expectOutcomes(test.counted)
		})
	}
}

// expectOutcomes compares how many records had each outcome.
func (r *rig) expectOutcomes(want map[string]float64) {
	r.t.Helper()
	got := map[string]float64{}
	values := metricstest.Values(r.t, r.registry)
	for _, outcome := range flow.Outcomes {
		n, there := values["serveflow_records_total{"+outcome+"}"]
		if !there {
			r.t.Errorf("%s is not counted at all", outcome)
		}
		if n > 0 {
			got[outcome] = n
		}
	}
	if !maps.Equal(got, want) {
		r.t.Errorf("counted %v, want %v", got, want)
	}
}

// The records of conn.log are whole flows: each is decided at once.
func TestConnRecords(t *testing.T) {
	r := newRig(t, func(c *flow.Config) { c.Conns, c.Want = true, 1 }, zeek.Limits{})
	line := `{"ts":1.5,"uid":"C1","id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"tcp","conn_state":"SF","duration":1.0}`
	take([]byte(strings.Replace(line, "{", `{"_path":"conn_long",`, 1)), 4)(r)
	take([]byte(line), 5)(r)
	take(packet("a", 1, 0), 6)(r)
	if len(r.decided) != 1 || !strings.HasPrefix(r.decided[0], "C1/") || !slices.Equal(r.pinned, []int64{5}) {
		t.Errorf("decided %q, pinned %d", r.decided, r.pinned)
	}
	r.expectOutcomes(map[string]float64{"opened": 1, "foreign": 2})
	if n := r.assembler.Foreign(); n != 2 {
		t.Errorf("%d foreign records, want 2", n)
	}
}
