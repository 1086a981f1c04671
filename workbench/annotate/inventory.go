package annotate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
)

// readDevices reads the list: columns mac or ip or both, label, and from and to where the row
// holds for some time alone.
func (l *Labeller) readDevices(rep *Report, in io.Reader) (*list, error) {
	table, err := openCSV(bufio.NewReader(in))
	if err != nil {
		return nil, err
	}
	if !table.has("label") || !table.has("mac") && !table.has("ip") {
		return nil, errForm("it has not the columns mac,label or ip,label; from and to may be there, too")
	}
	known := &list{byMAC: map[mac][]*device{}, byAddr: map[netip.Addr][]*device{}}
	for {
		in, err := table.next()
		var bad *unread
		switch {
		case errors.Is(err, io.EOF):
			return known, rep.form()
		case err == nil:
			err = known.add(in)
			bad = &unread{in.line, err}
		case !errors.As(err, &bad):
			return known, err
		}
		if err == nil {
			rep.Rows++
			continue
		}
		if err := l.unread(rep, bad); err != nil {
			return known, err
		}
	}
}

// add adds a row. The error says what is wrong in it.
func (k *list) add(in csvRow) (err error) {
	d := &device{row: &row{line: in.line, names: []string{in.get("label")}, final: true}, from: math.MinInt64, to: math.MaxInt64}
	if err := CheckLabel(in.get("label")); err != nil {
		return err
	}
	if text := in.get("from"); text != "" {
		if d.from, err = microseconds(text); err != nil {
			return err
		}
	}
	if text := in.get("to"); text != "" {
		if d.to, err = microseconds(text); err != nil {
			return err
		}
	}
	var addr netip.Addr
	if text := in.get("ip"); text != "" {
		if addr, err = netip.ParseAddr(text); err != nil {
			return fmt.Errorf("%q is no IP address", text)
		}
	}
	if text := in.get("mac"); text != "" {
		m, err := parseMAC(text)
		if err != nil {
			return err
		}
		d.mac = &m
		k.byMAC[m] = append(k.byMAC[m], d)
	}
	if addr.IsValid() {
		k.byAddr[addr] = append(k.byAddr[addr], d)
	}
	if d.mac == nil && !addr.IsValid() {
		return errors.New("it has neither a mac nor an ip")
	}
	k.all = append(k.all, d)
	return nil
}
