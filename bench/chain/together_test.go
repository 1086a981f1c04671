package chain

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strconv"

	"github.com/serveflow/serveflow/flow/zeek"
)

// groupStart tells a record of several packets. It has no "ev", so that ship takes it for a record of another log, and
// keys it by its uid like the others.
const groupStart = `{"ts":`

// appendTextGroup writes {"ts":1700000000.123456,"uid":"C...","first":3,"p":[[0,1,"hdr"],[250,0,"hdr"]]}: of each packet
// the microseconds since the one before, whether the originator sent it, and its header bytes.
func appendTextGroup(dst []byte, g *group) []byte {
	ts := g.packets[0].ts
	dst = strconv.AppendInt(append(dst, groupStart...), ts/1e6, 10)
	dst = append(append(dst, '.'), strconv.AppendInt(nil, 1e6+ts%1e6, 10)[1:]...)
	dst = append(append(append(dst, `,"uid":"`...), g.uid...), `","first":`...)
	dst = append(strconv.AppendUint(dst, uint64(g.n), 10), `,"p":[`...)
	for i, p := range g.packets {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, '['), p.ts-ts, 10)
		ts = p.ts
		dst = append(dst, ',', '0')
		if p.fromOrig {
			dst[len(dst)-1] = '1'
		}
		dst = base64.StdEncoding.AppendEncode(append(dst, `,"`...), p.hdr)
		dst = append(dst, `"]`...)
	}
	return append(dst, `]}`...)
}

var errGroup = errors.New("not a record of several packets as this bench writes it")

// text reads the parts of a line one by one. It takes only the spelling that appendTextGroup writes, so it is faster
// than a decoder for what others write can be: what it takes is a lower bound.
type text struct {
	rest []byte
	bad  bool
}

func (t *text) skip(want string) {
	if t.bad = t.bad || !bytes.HasPrefix(t.rest, []byte(want)); !t.bad {
		t.rest = t.rest[len(want):]
	}
}

func (t *text) next() byte {
	if t.bad || len(t.rest) == 0 {
		t.bad = true
		return 0
	}
	return t.rest[0]
}

func (t *text) number() (n int64) {
	minus := t.next() == '-'
	if minus {
		t.rest = t.rest[1:]
	}
	for c := t.next(); c >= '0' && c <= '9'; c = t.next() {
		n = 10*n + int64(c-'0')
		t.rest = t.rest[1:]
	}
	if minus {
		return -n
	}
	return n
}

func (t *text) quoted() []byte {
	t.skip(`"`)
	end := bytes.IndexByte(t.rest, '"')
	if t.bad = t.bad || end < 0; t.bad {
		return nil
	}
	s := t.rest[:end]
	t.rest = t.rest[end+1:]
	return s
}

// textGroup decodes a record of several packets.
func (d *decoder) textGroup(value []byte, take func(*zeek.Record)) error {
	t := text{rest: value}
	t.skip(groupStart)
	ts := t.number() * 1e6
	t.skip(".")
	ts += t.number()
	t.skip(`,"uid":`)
	uid := t.quoted()
	t.skip(`,"first":`)
	n := t.number()
	t.skip(`,"p":[`)
	for more := true; more; n++ {
		t.skip("[")
		ts += t.number()
		t.skip(",")
		fromOrig := t.number() == 1
		t.skip(",")
		hdr := t.quoted()
		t.skip("]")
		if t.bad || len(uid) == 0 || len(uid) > zeek.MaxUID || len(hdr) > base64.StdEncoding.EncodedLen(zeek.MaxHdr) {
			return errGroup
		}
		size, err := base64.StdEncoding.Decode(d.hdr[:], hdr)
		if err != nil || size < 24 {
			return errGroup
		}
		d.packet(uid, uint32(n), ts, fromOrig, d.hdr[:size], take)
		if more = t.next() == ','; more {
			t.skip(",")
		}
	}
	if t.skip("]}"); t.bad || len(t.rest) > 0 {
		return errGroup
	}
	return nil
}

// packet gives a packet of whose record the header has the rest.
func (d *decoder) packet(uid []byte, n uint32, ts int64, fromOrig bool, hdr []byte, take func(*zeek.Record)) {
	d.rec = zeek.Record{Kind: zeek.Packet, TS: ts, UID: uid, N: n, FromOrig: fromOrig, Hdr: hdr,
		IPLen: zeek.Absent, PayloadLen: zeek.Absent, TTL: zeek.Absent, Flags: zeek.Absent, Window: zeek.Absent}
	d.rec.Orig, d.rec.Resp, d.rec.Proto = endpointsOf(hdr, fromOrig)
	take(&d.rec)
}
