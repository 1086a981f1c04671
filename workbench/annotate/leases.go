package annotate

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
)

// lease says that a device had an address for some time.
type lease struct {
	mac      mac
	ts       int64 // when it was given, microseconds
	from, to int64 // when it held
}

// lease takes a record of dhcp.log in which the server agreed to an address. Where the client did
// not ask for a new one, it had the address before.
func (m *MACs) lease(rec *zeekRecord) skip {
	device, err := parseMAC(rec.MAC)
	addr, err2 := netip.ParseAddr(cmp.Or(rec.Assigned, rec.Client))
	if err != nil || err2 != nil || !slices.Contains(rec.Messages, "ACK") {
		return "no address was given"
	}
	l := lease{mac: device, ts: int64(rec.TS), from: int64(rec.TS), to: math.MaxInt64}
	if rec.Lease > 0 && rec.Lease < 1e9 {
		l.to = l.ts + int64(rec.Lease*1e6)
		if !slices.Contains(rec.Messages, "DISCOVER") {
			l.from = l.ts - int64(rec.Lease*1e6)
		}
	}
	m.leases[addr], m.known[device] = append(m.leases[addr], l), true
	return ""
}

// settle lets a lease end where another device gets the address.
func (m *MACs) settle() {
	for _, all := range m.leases {
		slices.SortStableFunc(all, func(a, b lease) int { return cmp.Compare(a.ts, b.ts) })
		for i := range all[1:] {
			if before, after := &all[i], &all[i+1]; before.mac != after.mac {
				before.to = min(before.to, after.ts)
				after.from = max(after.from, before.to)
			}
		}
	}
}
