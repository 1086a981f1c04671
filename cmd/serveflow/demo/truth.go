package demo

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"strconv"
)

// Truth holds the known labels of a capture's flows, by 5-tuple and time of the
// first packet.
type Truth map[tuple][]known

// tuple is a 5-tuple without direction: Zeek may have swapped the sides.
type tuple struct {
	low, high netip.AddrPort
	proto     string
}

type known struct {
	first int64 // microseconds
	label string
}

// slack is how far, in microseconds, a flow's first packet may lie from the known one.
const slack = 1000

func newTuple(a, b netip.AddrPort, proto string) tuple {
	if b.Compare(a) < 0 {
		a, b = b, a
	}
	return tuple{a, b, proto}
}

// ReadTruth reads a CSV with the header orig_h,orig_p,resp_h,resp_p,proto,ts_first,label.
func ReadTruth(r io.Reader) (Truth, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, err
	}
	truth := Truth{}
	for i, row := range rows {
		if i == 0 {
			continue
		}
		key, flow, err := parseKnown(row)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		truth[key] = append(truth[key], flow)
	}
	return truth, nil
}

func parseKnown(row []string) (tuple, known, error) {
	if len(row) != 7 {
		return tuple{}, known{}, fmt.Errorf("%d columns, want orig_h,orig_p,resp_h,resp_p,proto,ts_first,label", len(row))
	}
	orig, err := netip.ParseAddrPort(joinHostPort(row[0], row[1]))
	if err != nil {
		return tuple{}, known{}, err
	}
	resp, err := netip.ParseAddrPort(joinHostPort(row[2], row[3]))
	if err != nil {
		return tuple{}, known{}, err
	}
	ts, err := strconv.ParseFloat(row[5], 64)
	if err != nil {
		return tuple{}, known{}, err
	}
	return newTuple(orig, resp, row[4]), known{int64(math.Round(ts * 1e6)), row[6]}, nil
}

func joinHostPort(host, port string) string { return net.JoinHostPort(host, port) }

// Of gives a flow's known label; "" where there is none.
func (t Truth) Of(orig, resp netip.AddrPort, proto string, first int64) string {
	for _, k := range t[newTuple(orig, resp, proto)] {
		if d := k.first - first; d <= slack && d >= -slack {
			return k.label
		}
	}
	return ""
}
