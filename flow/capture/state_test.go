package capture

import (
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// step is one segment: who sends it, its flags, and its payload bytes.
type step struct {
	byClient bool
	flags    string
	data     int
}

// play sends segments with the right sequence numbers, and returns the flow's end record.
func play(t *testing.T, steps []step) (state, history string, sent uint32) {
	f := newCapture(t)
	seq := map[bool]uint32{true: 100, false: 900}
	for i, s := range steps {
		from, to := other, client
		if s.byClient {
			from, to = client, other
		}
		f.tcp(float64(i)/10, from, to, s.flags, seq[s.byClient], seq[!s.byClient], s.data)
		seq[s.byClient] += uint32(s.data + strings.Count(s.flags, "S") + strings.Count(s.flags, "F"))
	}
	if _, err := Convert(&f.file, Options{}, func(rec *zeek.Record, sum *zeek.Summary) error {
		if sum != nil {
			state, history, sent = sum.ConnState, sum.History, rec.Sent
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return state, history, sent
}

func TestConnState(t *testing.T) {
	up := []step{{true, "S", 0}, {false, "SA", 0}, {true, "A", 0}}
	for _, tt := range []struct {
		more    []step
		state   string
		history string
	}{
		{nil, "S1", "ShA"},
		{[]step{{true, "PA", 9}, {false, "PA", 9}, {true, "FA", 0}, {false, "FA", 0}, {true, "A", 0}}, "SF", "ShADdFf"},
		{[]step{{true, "FA", 0}}, "S2", "ShAF"},
		{[]step{{false, "FA", 0}}, "S3", "ShAf"},
		{[]step{{true, "RA", 0}}, "RSTO", "ShAR"},
		{[]step{{false, "RA", 0}}, "RSTR", "ShAr"},
		{[]step{{true, "PA", 9}, {true, "FRA", 0}}, "RSTO", "ShADI"},
	} {
		state, history, sent := play(t, append(up[:3:3], tt.more...))
		if state != tt.state || history != tt.history || int(sent) != 3+len(tt.more) {
			t.Errorf("%s %s %d, want %s %s", state, history, sent, tt.state, tt.history)
		}
	}
	for _, tt := range []struct {
		steps   []step
		state   string
		history string
	}{
		{[]step{{true, "S", 0}}, "S0", "S"},
		{[]step{{true, "S", 0}, {false, "RA", 0}}, "REJ", "Sr"},
		{[]step{{true, "S", 0}, {true, "R", 0}}, "RSTOS0", "SR"},
		{[]step{{true, "S", 0}, {true, "FA", 0}}, "SH", "SF"},
		{[]step{{false, "SA", 0}, {false, "FA", 0}}, "SH", "HF"},
		{[]step{{true, "SF", 0}}, "SH", "Q"},
		{[]step{{true, "A", 0}, {false, "R", 0}}, "RSTRH", "Ar"},
		{[]step{{true, "A", 0}, {false, "FA", 0}}, "SHR", "Af"},
		{[]step{{true, "PA", 9}, {false, "PA", 9}}, "OTH", "Dd"},
		{[]step{{true, "R", 0}}, "OTH", "R"},
	} {
		if state, history, _ := play(t, tt.steps); state != tt.state || history != tt.history {
			t.Errorf("%v: %s %s, want %s %s", tt.steps, state, history, tt.state, tt.history)
		}
	}
}

// A stream knows which bytes have arrived in order. Bytes that are acknowledged and have
// not arrived are a gap.
func TestStream(t *testing.T) {
	type move struct {
		seq, end uint64 // captured data
		ack      uint64 // or an acknowledgement
	}
	for name, tt := range map[string]struct {
		moves     []move
		delivered uint64
		gaps      int
		pending   bool // with 100 bytes sent
	}{
		"in order":                   {[]move{{seq: 1, end: 51}, {seq: 51, end: 101}}, 101, 0, false},
		"nothing captured":           {nil, 1, 0, true},
		"nothing captured, all seen": {[]move{{ack: 101}}, 101, 1, false},
		"a hole":                     {[]move{{seq: 51, end: 101}}, 1, 0, true},
		"a hole that is filled":      {[]move{{seq: 51, end: 101}, {seq: 1, end: 60}}, 101, 0, false},
		"a hole that is given up":    {[]move{{seq: 51, end: 101}, {ack: 101}}, 101, 1, false},
		"two holes given up":         {[]move{{seq: 11, end: 21}, {seq: 51, end: 61}, {ack: 101}}, 101, 3, false},
		"old data":                   {[]move{{seq: 1, end: 51}, {ack: 51}, {seq: 1, end: 41}}, 51, 0, true},
		"one acknowledgement twice":  {[]move{{ack: 51}, {ack: 51}, {ack: 21}}, 51, 1, true},
	} {
		e := &endpoint{phase: established, start: 1000, ack: 1000, last: 1101, bytes: newStream()}
		peer := &endpoint{phase: established, bytes: newStream()}
		gaps := 0
		for _, m := range tt.moves {
			if m.ack > 0 {
				e.bytes.acked(e, false, m.ack, func() { gaps++ })
				e.ack = max(e.ack, 1000+uint32(m.ack))
			} else {
				e.bytes.data(e, peer, m.seq, m.end)
			}
		}
		if e.bytes.delivered != tt.delivered || gaps != tt.gaps || e.bytes.pending(e, peer) != tt.pending {
			t.Errorf("%s: delivered %d, %d gaps, pending %v", name, e.bytes.delivered, gaps, e.bytes.pending(e, peer))
		}
	}
}

// A side that sends only holes must not fill the memory.
func TestStreamIsBounded(t *testing.T) {
	e := &endpoint{phase: established, start: 0, ack: 500, last: 1 << 30, bytes: newStream()}
	for i := range uint64(10 * maxUnackedRanges) {
		e.bytes.data(e, e, 1000+10*i, 1001+10*i)
		if len(e.bytes.unacked) > maxUnackedRanges+1 {
			t.Fatalf("%d ranges kept", len(e.bytes.unacked))
		}
	}
	if !e.bytes.gaveUp || e.bytes.unacked != nil {
		t.Error("not given up")
	}
}
