package annotate

import (
	"context"
	"io"
	"net/netip"
)

// device is one row of a list of devices.
type device struct {
	row      *row
	mac      *mac
	from, to int64 // when the row holds, microseconds
	hit      bool  // a flow has its label
	seen     bool  // there is a flow of it, if at another time
}

// list is a list of devices.
type list struct {
	all    []*device
	byMAC  map[mac][]*device
	byAddr map[netip.Addr][]*device
}

// devices gives each flow the label of the device that began it, or else of the one that
// answered. Where MAC and address lead to different rows, the MAC holds.
func (l *Labeller) devices(ctx context.Context, name string, in io.Reader) (*Report, error) {
	l.source = append(l.source, name)
	rep := &Report{Source: name}
	known, err := l.readDevices(rep, in)
	if err != nil {
		return rep, err
	}
	for _, i := range l.table.order {
		if ctx.Err() != nil {
			return rep, ctx.Err()
		}
		f := &l.table.flows[i]
		d := known.find(l.opt.MACs, i, 0, f.orig().Addr(), f.first)
		if d == nil {
			d = known.find(l.opt.MACs, i, 1, f.resp().Addr(), f.first)
		}
		if d == nil {
			continue
		}
		if label, _ := l.opt.Rules.label(d.row); CheckLabel(label) == nil {
			d.hit = true
			l.give(rep, f, label, 0)
		}
	}
	for _, d := range known.all {
		if err := l.count(rep, d); err != nil {
			return rep, err
		}
	}
	return rep, nil
}

// count counts a row of the list.
func (l *Labeller) count(rep *Report, d *device) error {
	why := skipDevice
	switch {
	case d.hit:
		rep.Hits++
		return nil
	case d.seen:
		why = skipTime
	case d.mac != nil && (l.opt.MACs == nil || !l.opt.MACs.known[*d.mac]):
		why = skipAddress
	}
	rep.skip(why)
	return l.miss(Miss{Source: rep.Source, Line: d.row.line, Why: string(why), Name: d.row.names[0]})
}

// find gives the device at one side of a flow, or nil.
func (k *list) find(macs *MACs, i uint32, side int, addr netip.Addr, ts int64) *device {
	if m, ok := macs.of(i, side, addr); ok {
		if d := during(k.byMAC[m], ts); d != nil {
			return d
		}
	}
	return during(k.byAddr[addr], ts)
}

func during(all []*device, ts int64) *device {
	for _, d := range all {
		d.seen = true
		if d.from <= ts && ts <= d.to {
			return d
		}
	}
	return nil
}
