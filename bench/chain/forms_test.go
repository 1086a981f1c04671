package chain

import (
	"bytes"
	"slices"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// form is a way to write a flow's records.
type form struct {
	name     string
	shipped  bool // a log of it goes through the whole chain
	labels   bool // run reads it
	binary   bool // a fixed form in place of JSON
	lean     bool // no addresses, ports and protocol in the packets after a flow's first one, where the header has them
	short    bool // no numbers that the header has, and of conn.log's columns conn_state alone
	together bool // packets 3 and later in one record, which is written with the last of them
}

// forms are those that are compared; the first is what they are compared with.
var forms = []form{
	{name: "JSON, as it is", shipped: true, labels: true},
	{name: "JSON, addresses in a flow's first record only", labels: true, lean: true},
	{name: "JSON, the package's COMPACT", shipped: true, labels: true, lean: true, short: true},
	{name: "COMPACT, packets 3 to 10 in one record", shipped: true, lean: true, short: true, together: true},
	{name: "binary, all that JSON has", binary: true},
	{name: "binary, COMPACT's fields", binary: true, lean: true, short: true},
	{name: "binary, COMPACT's fields, packets 3 to 10 in one record", binary: true, lean: true, short: true, together: true},
}

// group is packets of a flow that follow one another, until they are written as one record.
type group struct {
	uid     []byte
	n       uint32 // of the first packet
	packets []groupPacket
}

type groupPacket struct {
	ts       int64
	fromOrig bool
	hdr      []byte
}

// encode writes records in a form. Each is a message, keyed by its uid as ship keys it.
func encode(t testing.TB, f form, lines [][]byte) *store {
	t.Helper()
	out, groups, last := &store{}, map[string]*group{}, lastPackets(t, lines)
	seen := make(map[string]bool, len(last))
	var d zeek.Decoder
	var rec zeek.Record
	for i, line := range lines {
		if err := d.Decode(line, &rec); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		told := rec.Kind == zeek.Packet && headerTells(&rec)
		if f.together && told && rec.N >= 3 {
			g := groups[string(rec.UID)]
			if g != nil && rec.N != g.n+uint32(len(g.packets)) {
				f.addGroup(out, g)
				g = nil
			}
			if g == nil {
				g = &group{uid: bytes.Clone(rec.UID), n: rec.N}
				groups[string(rec.UID)] = g
			}
			g.packets = append(g.packets, groupPacket{rec.TS, rec.FromOrig, bytes.Clone(rec.Hdr)})
		} else {
			f.add(out, line, &rec, told && seen[string(rec.UID)], told)
			seen[string(rec.UID)] = true
		}
		if g := groups[string(rec.UID)]; g != nil && last[string(rec.UID)] == i {
			f.addGroup(out, g)
			delete(groups, string(rec.UID))
		}
	}
	return out
}

// lastPackets gives the line of each flow's last packet record.
func lastPackets(t testing.TB, lines [][]byte) map[string]int {
	t.Helper()
	last := map[string]int{}
	for i, line := range lines {
		if bytes.HasPrefix(line, []byte(`{"ev":"pkt"`)) {
			uid := field(line, "uid")
			last[string(uid[len(`,"uid":"`):len(uid)-1])] = i
		}
	}
	return last
}

// add writes a record by itself. known: a record before it has the flow's endpoints, and its own header, too. told: its
// header has its numbers.
func (f form) add(out *store, line []byte, rec *zeek.Record, known, told bool) {
	leaner := *rec
	if f.lean && known || f.short && rec.Kind == zeek.End {
		leaner.Orig, leaner.Resp = noEndpoint, noEndpoint
	}
	if f.short && told {
		leaner.IPLen, leaner.PayloadLen, leaner.TTL, leaner.Flags, leaner.Window = zeek.Absent, zeek.Absent, zeek.Absent, zeek.Absent, zeek.Absent
	}
	if f.binary {
		out.add(rec.UID, func(dst []byte) []byte { return appendBinary(dst, &leaner) })
		return
	}
	if f.short && rec.Kind == zeek.End {
		head := line[:bytes.Index(line, []byte(`,"id.orig_h":`))]
		line = append(slices.Concat(head, field(line, "proto"), field(line, "conn_state"), field(line, "sent")), '}')
	}
	if rec.Kind == zeek.Packet && !leaner.Orig.IsValid() {
		line = without(line, `,"id.orig_h":`, `,"n":`)
	}
	if f.short && told {
		line = without(line, `,"ip_len":`, `,"hdr":`)
	}
	out.add(rec.UID, func(dst []byte) []byte { return append(dst, line...) })
}

func (f form) addGroup(out *store, g *group) {
	if f.binary {
		out.add(g.uid, func(dst []byte) []byte { return appendBinaryGroup(dst, g) })
		return
	}
	out.add(g.uid, func(dst []byte) []byte { return appendTextGroup(dst, g) })
}

// without leaves out what is between two texts, and the first of them.
func without(line []byte, from, to string) []byte {
	at := bytes.Index(line, []byte(from))
	end := bytes.Index(line, []byte(to))
	if at < 0 || end < at {
		return line
	}
	return slices.Concat(line[:at], line[end:])
}

// field is a field of a line that Zeek wrote, with its name and the comma before it; empty where the line lacks it.
func field(line []byte, name string) []byte {
	at := bytes.Index(line, []byte(`,"`+name+`":`))
	if at < 0 {
		return nil
	}
	end := bytes.Index(line[at+1:], []byte(`,"`))
	if end < 0 {
		end = len(line) - 1 - (at + 1) // the closing brace
	}
	return line[at : at+1+end]
}
