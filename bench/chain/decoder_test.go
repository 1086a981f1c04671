package chain

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/lab"
)

// decoder reads records of all forms: JSON by the product's decoder, the others by ones that are as simple as they can
// be and still do not read beyond a record.
type decoder struct {
	json zeek.Decoder
	rec  zeek.Record
	hdr  [zeek.MaxHdr + 1]byte
}

// decode gives each record that a value holds. It is valid until take returns.
func (d *decoder) decode(f form, value []byte, take func(*zeek.Record)) error {
	switch {
	case f.binary:
		return d.binary(value, take)
	case f.together && bytes.HasPrefix(value, []byte(groupStart)):
		return d.textGroup(value, take)
	}
	if err := d.json.Decode(value, &d.rec); err != nil {
		return err
	}
	take(&d.rec)
	return nil
}

func (d *decoder) binary(value []byte, take func(*zeek.Record)) error {
	c := cursor{rest: value}
	kind, bits := c.byte(), c.byte()
	uid := c.take(int(c.byte()))
	ts := int64(binary.BigEndian.Uint64(c.take(8)))
	if c.bad || len(uid) == 0 || len(uid) > zeek.MaxUID || ts < 0 {
		return errBinary
	}
	if kind == kindGroup {
		n, count := uint32(c.uvarint()), c.byte()
		for i := range uint32(count) {
			ts += c.varint()
			sent := c.byte()&hasFlag != 0
			hdr := c.take(int(c.byte()))
			if c.bad || len(hdr) < 24 {
				return errBinary
			}
			d.packet(uid, n+i, ts, sent, hdr, take)
		}
		return c.end()
	}
	d.rec = zeek.Record{Kind: zeek.Packet, TS: ts, UID: uid, IPLen: zeek.Absent, PayloadLen: zeek.Absent, TTL: zeek.Absent, Flags: zeek.Absent, Window: zeek.Absent}
	rec := &d.rec
	if bits&hasEndpoints != 0 {
		rec.Proto = c.byte()
		rec.Orig, rec.Resp = c.endpoint(bits&hasSix != 0), c.endpoint(bits&hasSix != 0)
	}
	if kind == kindEnd {
		rec.Kind, rec.Closed, rec.Sent = zeek.End, bits&hasFlag != 0, uint32(c.uvarint())
		take(rec)
		return c.end()
	}
	rec.FromOrig, rec.N, rec.HdrWhy = bits&hasFlag != 0, uint32(c.uvarint()), zeek.Why(c.byte())
	if bits&hasNumbers != 0 {
		rec.IPLen, rec.PayloadLen, rec.TTL, rec.Flags, rec.Window = int32(c.uint32()), int32(c.uint32()), int16(c.uint16()), int16(c.uint16()), int32(c.uint32())
	}
	rec.Hdr = c.take(int(c.byte()))
	if bits&hasEndpoints == 0 {
		if len(rec.Hdr) < 24 {
			return errBinary
		}
		rec.Orig, rec.Resp, rec.Proto = endpointsOf(rec.Hdr, rec.FromOrig)
	}
	take(rec)
	return c.end()
}

func (c *cursor) end() error {
	if c.bad || len(c.rest) > 0 {
		return errBinary
	}
	return nil
}

// A form that lost something would be no measure. The order of a flow's records may change, and what the header has may
// be left out.
func TestFormsKeepTheRecords(t *testing.T) {
	lines := lab.Records(t, "lab")
	want := told(t, forms[0], lines)
	for _, f := range forms[1:] {
		got := told(t, f, lines)
		if len(got) != len(want) {
			t.Errorf("%s: %d records, want %d", f.name, len(got), len(want))
		}
		wrong := 0
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if got[key] != want[key] {
				if wrong++; wrong <= 3 {
					t.Errorf("%s: %s is\n%s, want\n%s", f.name, key, got[key], want[key])
				}
			}
		}
	}
}

// told is what the records say in a form, by uid, kind and number.
func told(t *testing.T, f form, lines [][]byte) map[string]string {
	t.Helper()
	all, messages := map[string]string{}, encode(t, f, lines)
	var d decoder
	for i := range messages.len() {
		m := messages.at(i)
		err := d.decode(f, m.value, func(rec *zeek.Record) {
			if !bytes.Equal(rec.UID, m.key) {
				t.Errorf("%s: the key is %s, and the uid %s", f.name, m.key, rec.UID)
			}
			said := fmt.Sprintf("%d %d closed=%v", rec.TS, rec.Sent, rec.Closed)
			if rec.Kind == zeek.Packet {
				said = fmt.Sprintf("%d %v %x %v %d %v %v", rec.TS, rec.FromOrig, rec.Hdr, rec.HdrWhy, rec.Proto, rec.Orig.Addr(), rec.Resp.Addr())
			}
			if rec.Proto == zeek.TCP || rec.Proto == zeek.UDP {
				if rec.Kind == zeek.Packet {
					said += fmt.Sprintf(" %d %d", rec.Orig.Port(), rec.Resp.Port())
				}
			}
			all[fmt.Sprintf("%s %d %d", rec.UID, rec.Kind, rec.N)] = said
		})
		if err != nil {
			t.Fatalf("%s: %q: %v", f.name, m.value, err)
		}
	}
	return all
}
