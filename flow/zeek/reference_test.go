package zeek

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// reference does what Decode does, with encoding/json and math/big and without regard to
// speed. The tests compare the fast decoder with it. reference_envelope_test.go has its
// envelopes.
func reference(line []byte, conns bool) (rec Record, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	if len(line) > MaxRecord {
		panic("too long")
	}
	f, around := refOpen(string(line))
	rec = Record{IPLen: Absent, PayloadLen: Absent, TTL: Absent, Flags: Absent, Window: Absent}
	if !f.has("ev") {
		log := f.log(around)
		if conns && f.has("uid") && (log == "" && f.has("conn_state") || log == "conn" || strings.HasSuffix(log, "/conn")) {
			rec.Kind = Conn
			f.common(&rec)
			rec.Conn = f.conn()
		} else if uid := refString(f["uid"]); refGoodUID(uid) {
			rec.UID = []byte(uid)
		}
		return rec, nil
	}
	switch f.text("ev") {
	case "pkt":
		rec.Kind = Packet
		f.common(&rec)
		f.packet(&rec)
	case "end":
		rec.Kind = End
		f.common(&rec)
		if f.has("sent") {
			rec.Sent = uint32(f.uint("sent", 0, 1<<32-1))
		}
		if f.has("conn_state") {
			closed := strings.Fields("SF REJ RSTO RSTR RSTOS0 RSTRH SH SHR")
			rec.Closed = slices.Contains(closed, f.text("conn_state")) && rec.Proto == TCP
		}
	default:
		panic("ev")
	}
	return rec, nil
}

// refFields is an object as encoding/json reads it: the last value of each name.
type refFields map[string]json.RawMessage

func (f refFields) has(name string) bool {
	raw, ok := f[name]
	return ok && string(raw) != "null"
}

func (f refFields) read(name string, into any) {
	if !f.has(name) {
		panic(name + " missing")
	}
	if err := json.Unmarshal(f[name], into); err != nil {
		panic(err)
	}
}

func (f refFields) text(name string) (s string) {
	f.read(name, &s)
	return s
}

func (f refFields) uint(name string, lo, hi uint64) uint64 {
	if !f.has(name) {
		panic(name + " missing")
	}
	r := f.number(name)
	if r.Sign() < 0 || !r.IsInt() || !r.Num().IsUint64() {
		panic(name)
	}
	n := r.Num().Uint64()
	if n < lo || n > hi {
		panic(name)
	}
	return n
}

func (f refFields) optional(name string, hi uint64) int64 {
	if !f.has(name) {
		return Absent
	}
	return int64(f.uint(name, 0, hi))
}

func (f refFields) addr(host, port string) netip.AddrPort {
	a := netip.MustParseAddr(f.text(host))
	if a.Zone() != "" {
		panic("zone")
	}
	return netip.AddrPortFrom(a, uint16(f.uint(port, 0, 65535)))
}

func (f refFields) micros(name string) int64 {
	if text := refString(f[name]); text != "" {
		return refISO8601(text)
	}
	r := f.number(name)
	perSecond := int64(1e6)
	if r.Cmp(big.NewRat(1e11, 1)) >= 0 {
		perSecond = 1e3 // it is in milliseconds
	}
	return refMicros(r, perSecond, MaxTS)
}

// number reads a JSON number exactly.
func (f refFields) number(name string) *big.Rat {
	var number json.Number
	if raw := f[name]; len(raw) > 0 && raw[0] == '"' {
		panic("a string")
	}
	f.read(name, &number)
	text := number.String()
	if exp := strings.IndexAny(text, "eE"); exp >= 0 {
		if !strings.ContainsAny(text[:exp], "123456789") {
			return new(big.Rat)
		}
		if e, err := strconv.Atoi(text[exp+1:]); err != nil || e > 1e5 || e < -1e5 {
			if text[exp+1] == '-' && text[0] != '-' {
				return new(big.Rat)
			}
			panic("out of range") // big.Rat would take for ever
		}
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(name)
	}
	return r
}

// refMicros turns a time into microseconds, which must be from 0 to most. perUnit is the
// number of microseconds in one unit of r.
func refMicros(r *big.Rat, perUnit, most int64) int64 {
	if r.Sign() < 0 {
		panic("negative")
	}
	r.Mul(r, big.NewRat(perUnit, 1))
	r.Add(r, big.NewRat(1, 2))
	us := new(big.Int).Div(r.Num(), r.Denom())
	if us.Cmp(big.NewInt(most)) > 0 {
		panic("ts")
	}
	return us.Int64()
}

func (f refFields) common(rec *Record) {
	rec.TS = f.micros("ts")
	rec.UID = []byte(f.text("uid"))
	if !refGoodUID(string(rec.UID)) {
		panic("uid")
	}
	rec.Sensor = f.words("sensor")
	if f.compact() && rec.Kind != Conn {
		if rec.Kind == Packet {
			return
		}
	} else {
		rec.Orig = f.addr("id.orig_h", "id.orig_p")
		rec.Resp = f.addr("id.resp_h", "id.resp_p")
	}
	switch f.text("proto") {
	case "tcp":
		rec.Proto = 6
	case "udp":
		rec.Proto = 17
	case "icmp":
		rec.Proto = 1
		if rec.Orig.Addr().Is6() {
			rec.Proto = 58
		}
	}
}

func (f refFields) compact() bool {
	return !f.has("id.orig_h") && !f.has("id.orig_p") && !f.has("id.resp_h") && !f.has("id.resp_p")
}

// refEndpoints reads the endpoints of a packet from its IPv4 header.
func refEndpoints(rec *Record) {
	hdr := rec.Hdr
	if len(hdr) < 20 || hdr[0] < 0x45 || hdr[0] > 0x4f {
		panic("id.orig_h missing")
	}
	ends := []netip.AddrPort{}
	port := func(at int) (n uint16) {
		at += 4 * int(hdr[0]-0x40)
		if p := hdr[9]; (p == 6 || p == 17) && 4*int(hdr[0]-0x40)+4 <= len(hdr) {
			n = uint16(hdr[at])<<8 + uint16(hdr[at+1])
		}
		return n
	}
	for i, raw := range [][]byte{hdr[12:16], hdr[16:20]} {
		a, _ := netip.AddrFromSlice(raw)
		ends = append(ends, netip.AddrPortFrom(a, port(2*i)))
	}
	if !rec.FromOrig {
		slices.Reverse(ends)
	}
	rec.Orig, rec.Resp = ends[0], ends[1]
	if p := hdr[9]; p == 1 || p == 6 || p == 17 {
		rec.Proto = p
	}
}

func refGoodUID(uid string) bool {
	return len(uid) >= 1 && len(uid) <= 64 && !strings.ContainsFunc(uid, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func (f refFields) words(name string) []byte {
	if !f.has(name) {
		return nil
	}
	text := f.text(name)
	if len(text) > 255 || !utf8.ValidString(string(f[name])) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		panic(name)
	}
	return []byte(text)
}

func (f refFields) conn() *ConnFields {
	c := &ConnFields{
		Duration:  Absent,
		OrigBytes: f.optional("orig_bytes", 1<<63-1), RespBytes: f.optional("resp_bytes", 1<<63-1),
		MissedBytes: f.optional("missed_bytes", 1<<63-1),
		OrigPkts:    f.optional("orig_pkts", 1<<63-1), RespPkts: f.optional("resp_pkts", 1<<63-1),
		OrigIPBytes: f.optional("orig_ip_bytes", 1<<63-1), RespIPBytes: f.optional("resp_ip_bytes", 1<<63-1),
		Service: f.words("service"), State: f.words("conn_state"), History: f.words("history"),
	}
	if f.has("duration") {
		c.Duration = refMicros(f.number("duration"), 1e6, 4102444800e6)
	}
	return c
}

func (f refFields) packet(rec *Record) {
	rec.N = uint32(f.uint("n", 1, 1<<32-1))
	f.read("is_orig", &rec.FromOrig)
	rec.IPLen = int32(f.optional("ip_len", 1<<31-1))
	rec.PayloadLen = int32(f.optional("plen", 1<<31-1))
	rec.TTL = int16(f.optional("ttl", 255))
	rec.Flags = int16(f.optional("flags", 255))
	rec.Window = int32(f.optional("win", 65535))
	if f.has("hdr") {
		s := f.text("hdr")
		hdr, err := base64.StdEncoding.DecodeString(s)
		if err != nil || len(hdr) > 255 || strings.ContainsAny(s, "\r\n") {
			panic("hdr")
		}
		rec.Hdr = hdr
	}
	if f.has("hdr_why") {
		rec.HdrWhy = Why(max(0, slices.Index([]string{"", "frag", "tunnel", "l2", "snap"}, f.text("hdr_why"))))
	}
	if f.compact() {
		refEndpoints(rec)
	}
}
