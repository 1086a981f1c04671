package demo

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"time"
)

// Label is what the demo reads of a label record, and when it came.
type Label struct {
	UID        string  `json:"uid"`
	OrigH      string  `json:"orig_h"`
	OrigP      uint16  `json:"orig_p"`
	RespH      string  `json:"resp_h"`
	RespP      uint16  `json:"resp_p"`
	Proto      string  `json:"proto"`
	Label      string  `json:"label"`
	Confidence float64 `json:"confidence"`
	Final      bool    `json:"final"`
	Stage      string  `json:"stage"`
	Reason     string  `json:"reason"`
	Packets    int     `json:"packets"`
	TSFirst    float64 `json:"ts_first"`

	Came  time.Time     `json:"-"`
	Took  time.Duration `json:"-"` // from the first packet to the label's arrival
	Known string        `json:"-"` // the true label; "" where it is not known
}

// parseLabel reads a label record that came at some moment.
func parseLabel(value []byte, came time.Time, p *Player, truth Truth) (*Label, error) {
	l := &Label{Came: came}
	if err := json.Unmarshal(value, l); err != nil {
		return nil, fmt.Errorf("label record %s: %w", value, err)
	}
	orig, err := netip.ParseAddr(l.OrigH)
	if err != nil {
		return nil, fmt.Errorf("label record %s: %w", value, err)
	}
	resp, err := netip.ParseAddr(l.RespH)
	if err != nil {
		return nil, fmt.Errorf("label record %s: %w", value, err)
	}
	first := int64(math.Round(l.TSFirst * 1e6))
	l.Took = came.Sub(p.Due(first))
	l.Known = truth.Of(netip.AddrPortFrom(orig, l.OrigP), netip.AddrPortFrom(resp, l.RespP), l.Proto, first)
	return l, nil
}
