package flow

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// FuzzTable feeds a table with small limits a stream of records of any time, sensor and
// packet number, with idle times between them. Each flow that opens must be decided
// once, the limits must hold, and nothing may be left at the end.
func FuzzTable(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23})
	long := make([]byte, 0, 1200)
	for i := range 300 {
		long = append(long, byte(i), byte(i*7), byte(i%5), byte(i*31))
	}
	f.Add(long)
	f.Fuzz(func(t *testing.T, stream []byte) {
		cfg := testConfig()
		cfg.Limits.Flows, cfg.Limits.Finished, cfg.Limits.Bytes, cfg.Limits.Records = 8, 6, 8<<10, 40
		c := &checker{t: t, table: New(cfg), cfg: cfg, open: map[string]int{}}
		for ; len(stream) >= 4; stream = stream[4:] {
			c.step(stream[:4])
		}
		for f := c.table.Drain(); f != nil; f = c.table.Drain() {
			c.decide(f)
		}
		if flows, bytes, _ := c.table.Size(); flows != 0 || bytes != 0 || len(c.open) != 0 {
			t.Errorf("at the end %d flows and %d bytes are held, %d were never decided", flows, bytes, len(c.open))
		}
	})
}

// checker drives a table and checks what it promises.
type checker struct {
	t       *testing.T
	table   *Table
	cfg     Config
	open    map[string]int // by uid: the records that had come when it opened
	records int
}

// step turns four bytes into one record, or into idle time: which flow, which packet
// number and kind, when.
func (c *checker) step(b []byte) {
	uid := fmt.Sprintf("C%02d", b[0]%24)
	at := float64(int8(b[3])) * [...]float64{.01, 1, 100, tenYears / 100}[b[2]%4]
	rec := pkt(uid, uint32(b[1]%6), at, [...]int16{syn, ack, fin, rst, zeek.Absent}[b[2]%5])
	rec.Hdr = make([]byte, b[1]%80)
	from([...]string{"", "east", "west"}[b[2]/5%3], rec)
	switch b[1] % 16 {
	case 13:
		rec = end(uid, uint32(binary.LittleEndian.Uint16(b)%5), b[2]%2 == 0)
	case 14:
		c.table.Idle(time.Duration(b[3]) * 20 * time.Millisecond)
		c.settle()
		return
	case 15:
		c.table.Skip()
		c.records++
		c.settle()
		return
	}
	if rec.Kind == zeek.Packet && rec.N == 0 {
		rec.N = 1 // the decoder refuses 0
	}
	c.records++
	f, outcome := c.table.Add(rec)
	if outcome == Opened {
		if _, twice := c.open[uid]; twice {
			c.t.Fatalf("%s opened while it is open", uid)
		}
		c.open[uid] = c.records
	}
	if f != nil && f.Ready() {
		c.decide(f)
	} else if f != nil {
		f.Cursors[0].Answer = append(f.Cursors[0].Answer[:0], make([]float32, b[0]%16)...)
		c.table.Keep(f)
	}
	c.settle()
}

func (c *checker) decide(f *Flow) {
	if _, open := c.open[f.UID]; !open {
		c.t.Fatalf("%s is decided and was not open", f.UID)
	}
	delete(c.open, f.UID)
	c.table.Finish(f)
}

// settle decides what is due and then checks the limits.
func (c *checker) settle() {
	for f := c.table.Due(); f != nil; f = c.table.Due() {
		c.decide(f)
	}
	flows, bytes, remembered := c.table.Size()
	if flows != len(c.open) || flows > c.cfg.Limits.Flows || bytes < 0 || bytes > c.cfg.Limits.Bytes || remembered > c.cfg.Limits.Finished {
		c.t.Fatalf("%d flows (%d are open), %d bytes, %d uids are held", flows, len(c.open), bytes, remembered)
	}
	for uid, since := range c.open {
		if c.records-since >= int(c.cfg.Limits.Records) {
			c.t.Fatalf("%s has been open for %d records", uid, c.records-since)
		}
	}
}
