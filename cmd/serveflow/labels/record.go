package labels

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/serveflow/serveflow/sink"
)

// Record is what people look at in a label record.
type Record struct {
	Schema     string     `json:"schema"`
	UID        string     `json:"uid"`
	OrigH      netip.Addr `json:"orig_h"`
	OrigP      uint16     `json:"orig_p"`
	RespH      netip.Addr `json:"resp_h"`
	RespP      uint16     `json:"resp_p"`
	Proto      string     `json:"proto"`
	Label      string     `json:"label"`
	Confidence float64    `json:"confidence"`
	Final      bool       `json:"final"`
	Stage      string     `json:"stage"` // empty where no stage was asked
	Reason     string     `json:"reason"`
	Packets    int        `json:"packets"`
	TSFirst    float64    `json:"ts_first"` // of the first packet, epoch seconds
	WaitMS     float64    `json:"wait_ms"`  // record time from the first packet to the last one looked at
}

// Parse reads a label record. The error says why value is none.
func Parse(value []byte) (*Record, error) {
	r := &Record{}
	switch err := json.Unmarshal(value, r); {
	case err != nil:
		return nil, fmt.Errorf("not a label record: %w: %.200q", err, value)
	case r.Schema != sink.Schema:
		return nil, fmt.Errorf("not a label record of %s: its schema is %q", sink.Schema, r.Schema)
	case !r.OrigH.IsValid() || !r.RespH.IsValid():
		return nil, fmt.Errorf("not a label record: an address is missing: %.200q", value)
	}
	return r, nil
}

// Row is the record in columns of a terminal, without the times.
func (r *Record) Row() string {
	return fmt.Sprintf("%-22s %-22s %-4s %-14s %5.1f%%  %-6s %-10s %2d pkt", host(r.OrigH, r.OrigP), host(r.RespH, r.RespP),
		r.Proto, r.Label, 100*r.Confidence, dash(r.Stage), r.Reason, r.Packets)
}

// Header names the columns of Line.
func Header() string {
	return fmt.Sprintf("%-23s %s %12s", "FIRST PACKET (UTC)", Columns(), "WAITED")
}

// Columns names the columns of Row.
func Columns() string {
	return fmt.Sprintf("%-22s %-22s %-4s %-14s %6s  %-6s %-10s %6s", "ORIGINATOR", "RESPONDER", "PROT", "LABEL", "SURE", "STAGE", "REASON", "SEEN")
}

// Line is Row between the time of the first packet and the wait for packets.
func (r *Record) Line() string {
	first := time.UnixMicro(int64(r.TSFirst * 1e6)).UTC().Format("2006-01-02 15:04:05.000")
	return fmt.Sprintf("%s %s %9.1f ms", first, r.Row(), r.WaitMS)
}

func host(addr netip.Addr, port uint16) string {
	return net.JoinHostPort(addr.String(), strconv.Itoa(int(port)))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
