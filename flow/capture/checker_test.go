package capture

import (
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// checker checks what must be true of the records of any capture.
type checker struct {
	t    testing.TB
	open map[string]uint32 // packet records of flows that have not ended
	over map[string]bool
	d    zeek.Decoder
	line []byte

	records, ends int
}

func newChecker(t testing.TB) *checker {
	return &checker{t: t, open: make(map[string]uint32), over: make(map[string]bool)}
}

func (c *checker) record(rec *zeek.Record, sum *zeek.Summary) error {
	uid := string(rec.UID)
	if c.over[uid] {
		c.t.Fatalf("%s: a record after its end", uid)
	}
	c.line = appendAny(c.line[:0], rec, sum)
	var again zeek.Record
	if err := c.d.Decode(c.line, &again); err != nil || again.Kind != rec.Kind || again.Closed != rec.Closed {
		c.t.Fatalf("%v: does not read back: %s", err, c.line)
	}
	if sum != nil {
		c.ends++
		if rec.Sent != c.open[uid] || uint64(rec.Sent) > sum.OrigPkts+sum.RespPkts {
			c.t.Fatalf("%d packet records: %s", c.open[uid], c.line)
		}
		c.over[uid] = true
		return nil
	}
	c.records++
	if c.open[uid]++; rec.N != c.open[uid] {
		c.t.Fatalf("packet %d is not the next: %s", c.open[uid], c.line)
	}
	c.headersOnly(rec)
	return nil
}

// headersOnly checks that a record has no byte of payload.
func (c *checker) headersOnly(rec *zeek.Record) {
	if rec.HdrWhy == zeek.Whole && rec.IPLen > 0 && len(rec.Hdr) != int(rec.IPLen-rec.PayloadLen) {
		c.t.Fatalf("%d header bytes: %s", len(rec.Hdr), c.line)
	}
}

func (c *checker) done(stats Stats) {
	if c.records != stats.Records || c.ends != stats.Ends || stats.Ends+stats.Silent != stats.Flows ||
		stats.LeftOut.Total() > stats.Packets || len(c.over) != len(c.open) {
		c.t.Fatalf("%d records, %d ends, but %+v", c.records, c.ends, stats)
	}
}
