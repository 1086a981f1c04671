package flow

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// FuzzTable feeds a table of small caps a stream of records with wild times,
// sensors, places and rests. Each flow that opens is decided once, nothing is held
// beyond the caps, and nothing is left at the end.
func FuzzTable(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23})
	wild := make([]byte, 0, 1200)
	for i := range 300 {
		wild = append(wild, byte(i), byte(i*7), byte(i%5), byte(i*31))
	}
	f.Add(wild)
	f.Fuzz(func(t *testing.T, stream []byte) {
		cfg := testConfig()
		cfg.Limits.Flows, cfg.Limits.Finished, cfg.Limits.Bytes, cfg.Limits.Records = 8, 6, 8<<10, 40
		h := &holder{t: t, table: New(cfg), cfg: cfg, open: map[string]int{}}
		for ; len(stream) >= 4; stream = stream[4:] {
			h.step(stream[:4])
		}
		for f := h.table.Drain(); f != nil; f = h.table.Drain() {
			h.decide(f)
		}
		if flows, bytes, _ := h.table.Size(); flows != 0 || bytes != 0 || len(h.open) != 0 {
			t.Errorf("at the end %d flows and %d bytes are held, %d were never decided", flows, bytes, len(h.open))
		}
	})
}

// holder drives a table and holds it to its promises.
type holder struct {
	t     *testing.T
	table *Table
	cfg   Config
	open  map[string]int // by uid: records taken when it opened
	taken int
}

// step is one record, or a rest: which flow, which place and kind, when.
func (h *holder) step(b []byte) {
	uid := fmt.Sprintf("C%02d", b[0]%24)
	at := float64(int8(b[3])) * [...]float64{.01, 1, 100, tenYears / 100}[b[2]%4]
	rec := pkt(uid, uint32(b[1]%6), at, [...]int16{syn, ack, fin, rst, zeek.Absent}[b[2]%5])
	rec.Hdr = make([]byte, b[1]%80)
	from([...]string{"", "east", "west"}[b[2]/5%3], rec)
	switch b[1] % 16 {
	case 13:
		rec = end(uid, uint32(binary.LittleEndian.Uint16(b)%5), b[2]%2 == 0)
	case 14:
		h.table.Idle(time.Duration(b[3]) * 20 * time.Millisecond)
		h.settle()
		return
	case 15:
		h.table.Skip()
		h.taken++
		h.settle()
		return
	}
	if rec.Kind == zeek.Packet && rec.N == 0 {
		rec.N = 1 // the decoder lets no other through
	}
	h.taken++
	f, outcome := h.table.Add(rec)
	if outcome == Opened {
		if _, twice := h.open[uid]; twice {
			h.t.Fatalf("%s opened while it is open", uid)
		}
		h.open[uid] = h.taken
	}
	if f != nil && f.Ready() {
		h.decide(f)
	} else if f != nil {
		f.Cursor.Answer = append(f.Cursor.Answer[:0], make([]float64, b[0]%16)...)
		h.table.Keep(f)
	}
	h.settle()
}

func (h *holder) decide(f *Flow) {
	if _, open := h.open[f.UID]; !open {
		h.t.Fatalf("%s is decided and was not open", f.UID)
	}
	delete(h.open, f.UID)
	h.table.Finish(f)
}

// settle decides what is due and then checks what is held.
func (h *holder) settle() {
	for f := h.table.Due(); f != nil; f = h.table.Due() {
		h.decide(f)
	}
	flows, bytes, remembered := h.table.Size()
	if flows != len(h.open) || flows > h.cfg.Limits.Flows || bytes < 0 || bytes > h.cfg.Limits.Bytes || remembered > h.cfg.Limits.Finished {
		h.t.Fatalf("%d flows (%d are open), %d bytes, %d uids are held", flows, len(h.open), bytes, remembered)
	}
	for uid, since := range h.open {
		if h.taken-since >= int(h.cfg.Limits.Records) {
			h.t.Fatalf("%s has been open for %d records", uid, h.taken-since)
		}
	}
}
