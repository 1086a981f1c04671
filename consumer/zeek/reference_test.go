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

// reference is Decode done slowly with encoding/json, math/big and no care for
// speed: what the fast decoder is held against.
func reference(line []byte) (rec Record, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	var f refFields
	if err := json.Unmarshal(line, &f); err != nil || f == nil {
		return rec, fmt.Errorf("not an object: %v", err)
	}
	f.checkDepth()
	rec = Record{IPLen: Absent, PayloadLen: Absent, TTL: Absent, Flags: Absent, Window: Absent}
	if !f.has("ev") {
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

type refFields map[string]json.RawMessage

// checkDepth is on what encoding/json kept: the last value of each name. Inputs
// whose dropped values are too deep are the one case where the two may differ.
func (f refFields) checkDepth() {
	for _, raw := range f {
		depth, deepest := 0, 0
		dec := json.NewDecoder(strings.NewReader(string(raw)))
		for {
			tok, err := dec.Token()
			if err != nil {
				break
			}
			switch tok {
			case json.Delim('{'), json.Delim('['):
				depth++
				deepest = max(deepest, depth)
			case json.Delim('}'), json.Delim(']'):
				depth--
			}
		}
		if deepest > MaxDepth {
			panic("too deep")
		}
	}
}

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
	n, err := strconv.ParseUint(string(f[name]), 10, 64)
	if err != nil || n < lo || n > hi {
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
	var number json.Number
	if raw := f[name]; len(raw) > 0 && raw[0] == '"' {
		panic("a string")
	}
	f.read(name, &number)
	if exp := strings.IndexAny(number.String(), "eE"); exp >= 0 {
		if e, err := strconv.Atoi(number.String()[exp+1:]); err != nil || e > 1e5 || e < -1e5 {
			panic("out of range, or zero") // big.Rat would take for ever
		}
	}
	r, ok := new(big.Rat).SetString(number.String())
	if !ok {
		panic("ts")
	}
	r.Mul(r, big.NewRat(1e6, 1))
	r.Add(r, big.NewRat(1, 2))
	us := new(big.Int).Div(r.Num(), r.Denom())
	if us.Cmp(big.NewInt(1e6)) < 0 || us.Cmp(big.NewInt(4102444800e6)) > 0 {
		panic("ts")
	}
	return us.Int64()
}

func (f refFields) common(rec *Record) {
	rec.TS = f.micros("ts")
	rec.UID = []byte(f.text("uid"))
	if len(rec.UID) < 1 || len(rec.UID) > 64 || strings.ContainsFunc(string(rec.UID), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		panic("uid")
	}
	if f.has("sensor") {
		rec.Sensor = []byte(f.text("sensor"))
		raw := string(f["sensor"])
		if len(rec.Sensor) > 255 || !utf8.ValidString(raw) || strings.ContainsFunc(string(rec.Sensor), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			panic("sensor")
		}
	}
	rec.Orig = f.addr("id.orig_h", "id.orig_p")
	rec.Resp = f.addr("id.resp_h", "id.resp_p")
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
}
