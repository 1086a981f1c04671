package demo

import (
	"math"
	"net/netip"
	"time"

	"github.com/serveflow/serveflow/cmd/serveflow/labels"
)

// Label is a label record as the demo saw it come.
type Label struct {
	Record *labels.Record
	Came   time.Time
	Took   time.Duration // from the first packet to the label's arrival
	Known  string        // the true label; "" where it is not known
}

// parseLabel reads a label record that came at some moment.
func parseLabel(value []byte, came time.Time, p *Player, truth Truth) (*Label, error) {
	r, err := labels.Parse(value)
	if err != nil {
		return nil, err
	}
	first := int64(math.Round(r.TSFirst * 1e6))
	known := truth.Of(netip.AddrPortFrom(r.OrigH, r.OrigP), netip.AddrPortFrom(r.RespH, r.RespP), r.Proto, first)
	return &Label{Record: r, Came: came, Took: came.Sub(p.Due(first)), Known: known}, nil
}
