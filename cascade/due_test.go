package cascade

import (
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// A verdict says when its flow could be decided: at a packet, or at the end of the silence that
// was waited out, which is as long as the patience that held.
func TestDue(t *testing.T) {
	patience := []Patience{{Wait: 300 * ms}}
	for _, c := range []struct {
		name     string
		models   []Model
		patience []Patience
		packets  []packet
		due      time.Duration
		silent   bool
	}{
		{"sure at the first packet", []Model{at(t, .9), at(t, 0, 0, .9)}, nil, []packet{{n: 1}}, 0, false},
		{"at the last stage's packet", []Model{at(t, .6), at(t, 0, 0, .9)}, nil, []packet{{n: 1}, {n: 2, at: 5 * ms}, {n: 3, at: 700 * ms}}, 700 * ms, false},
		{"at the packet that ends it", []Model{at(t, .6), at(t, 0, .9, .9)}, nil, []packet{{n: 1}, {n: 2, at: 5 * ms, flags: rst}}, 5 * ms, false},
		{"after the flow's idle time", []Model{at(t, .6), at(t, 0, .9, .9)}, nil, []packet{{n: 1}, {n: 2, at: 5 * ms}}, 1005 * ms, true},
		{"after the patience", []Model{at(t, .6), at(t, 0, .9, .9)}, patience, []packet{{n: 1}, {n: 2, at: 5 * ms}}, 305 * ms, true},
		{"the flow was closed before the patience was over", []Model{at(t, .6), at(t, .9, .9, .9)}, []Patience{{Wait: 3 * time.Second}}, []packet{{n: 1}}, 1000 * ms, true},
		{"a packet came, but after the patience", []Model{at(t, .6), at(t, 0, .9, .9)}, patience, []packet{{n: 1}, {n: 2, at: 5 * ms}, {n: 3, at: 306 * ms}}, 305 * ms, true},
		{"a packet came, but after the idle time", []Model{at(t, .6), at(t, .9, .9, .9)}, nil, []packet{{n: 1}, {n: 2, at: 1001 * ms}}, 1000 * ms, true},
		{"a protocol that no model knows", nil, nil, []packet{{n: 1}, {n: 2, at: 5 * ms}}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			unsupported := c.models == nil
			if unsupported {
				c.models = []Model{says(1), says(1)}
			}
			s := spec(t, []int{1, 3}, c.models...)
			s.Stages[0].Patience, s.Stages[1].Slow = c.patience, false
			if unsupported {
				s.Protocols = []uint8{zeek.UDP}
			}
			r := newRig(s, Config{})
			r.feedPackets(c.packets, 2*time.Second)
			if len(r.got) != 1 {
				t.Fatalf("verdicts: %q", r.verdicts())
			}
			v := r.got[0]
			if got := time.Duration(v.Due-v.First) * time.Microsecond; got != c.due || v.Silent != c.silent {
				t.Errorf("due after %v, silent %v; want %v, %v (%s)", got, v.Silent, c.due, c.silent, r.verdicts())
			}
		})
	}
}

// A record of conn.log is due when its connection ends.
func TestDueOfConn(t *testing.T) {
	s := spec(t, []int{1}, says(1))
	s.Conns, s.Stages[0].Slow = true, false
	r := newRig(s, Config{})
	r.feedConn(&zeek.ConnFields{Duration: 1500})
	if v := r.got[0]; v.Due-v.First != 1500 || v.Silent {
		t.Errorf("due after %d us, silent %v", v.Due-v.First, v.Silent)
	}
}
