package annotate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/serveflow/serveflow/flow/zeek/logfile"
)

// mac is a hardware address.
type mac [6]byte

// parseMAC reads a hardware address in any usual spelling.
func parseMAC(text string) (mac, error) {
	if b, err := net.ParseMAC(text); err == nil && len(b) == len(mac{}) {
		return mac(b), nil
	}
	return mac{}, fmt.Errorf("%q is no MAC address: write such as 00:1b:63:84:45:e6", text)
}

// MACs knows which devices the flows of a table are from: by the hardware addresses in conn.log,
// which Zeek writes with policy/protocols/conn/mac-logging, or else by the leases in dhcp.log.
type MACs struct {
	table  *Table
	byFlow map[uint32][2]mac // of originator and responder
	leases map[netip.Addr][]lease
	known  map[mac]bool
}

// NewMACs builds what knows nothing yet of the flows of a table that is closed.
func NewMACs(table *Table) *MACs {
	return &MACs{table: table, byFlow: map[uint32][2]mac{}, leases: map[netip.Addr][]lease{}, known: map[mac]bool{}}
}

// Read reads a dhcp.log, or a conn.log with hardware addresses.
func (m *MACs) Read(ctx context.Context, name string, in io.Reader) (*Report, error) {
	rep, lines := &Report{Source: name}, logfile.NewReader(in, "-", maxLine)
	for ctx.Err() == nil {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			m.settle()
			return rep, rep.form()
		}
		if err != nil {
			return rep, err
		}
		var rec zeekRecord
		if err := cmp.Or(line.Err, json.Unmarshal(line.JSON, &rec)); err != nil {
			rep.skip(skipUnread)
			rep.Bad = cmp.Or(rep.Bad, (&unread{line.Line, err}).Error())
			continue
		}
		rep.Rows++
		if why := m.take(&rec); why != "" {
			rep.skip(why)
		} else {
			rep.Hits++
		}
	}
	return rep, ctx.Err()
}

// take takes what a record says. It returns why it says nothing.
func (m *MACs) take(rec *zeekRecord) skip {
	if rec.MAC != "" {
		return m.lease(rec)
	}
	orig, err := parseMAC(rec.OrigL2)
	resp, err2 := parseMAC(rec.RespL2)
	if err != nil && err2 != nil {
		return "no MAC in it"
	}
	log := zeekLog{}
	e, err := log.ends(rec)
	if err != nil {
		return skipUnread
	}
	found, _ := m.table.withUID(nil, &row{uid: rec.UID, ends: e})
	if len(found) == 0 {
		return skipUID
	}
	m.byFlow[found[0]] = [2]mac{orig, resp}
	m.known[orig], m.known[resp] = true, true
	return ""
}

// of gives the device at one side of a flow, 0 for the originator; false where it is not known.
func (m *MACs) of(i uint32, side int, addr netip.Addr) (mac, bool) {
	if m == nil {
		return mac{}, false
	}
	if both, ok := m.byFlow[i]; ok {
		return both[side], both[side] != mac{}
	}
	all, ts := m.leases[addr], m.table.flows[i].first
	for j := len(all) - 1; j >= 0; j-- {
		if l := all[j]; l.from <= ts && ts <= l.to {
			return l.mac, true
		}
	}
	return mac{}, false
}
