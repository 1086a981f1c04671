package load

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/netip"
	"strconv"
	"testing"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/internal/lab"
	"github.com/serveflow/serveflow/internal/needs"
)

// lanes is in how many parts of equal time the records are divided, which are read side by side, as
// if each were a sensor: so the load is even, whatever the trace had when.
const lanes = 32

// traffic is the records of load/trace, and the services of its flows.
type traffic struct {
	records [lanes][]record
	span    float64 // record time of a lane, seconds
	service map[flowKey]string
}

// record is a line of the log.
type record struct {
	line []byte
	at   float64 // when it was written, in record time since the begin of its lane, seconds
}

// flowKey finds a flow's service: the two sides in order, and the time of its first packet in
// microseconds.
type flowKey struct {
	low, high netip.AddrPort
	first     int64
}

func newFlowKey(a, b netip.AddrPort, first int64) flowKey {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	return flowKey{a, b, first}
}

// truth is the service of a verdict's flow; empty where nobody knows it.
func (t *traffic) truth(v *cascade.Verdict) string {
	return t.service[newFlowKey(v.Orig, v.Resp, v.First)]
}

func readTraffic(t *testing.T) *traffic {
	all := &traffic{service: map[flowKey]string{}}
	lines, _ := lab.Trace(t, needs.SharedData(t, "zeek/"+lab.Shared))
	written := make([]float64, len(lines)) // an end record has an earlier time than those written before it
	for i, line := range lines {
		written[i] = max(written[max(0, i-1)], seconds(t, line))
	}
	all.span = (written[len(lines)-1] - written[0]) / lanes
	for i, line := range lines {
		at := written[i] - written[0]
		lane := min(int(at/all.span), lanes-1)
		all.records[lane] = append(all.records[lane], record{line, at - float64(lane)*all.span})
	}
	rows := csv.NewReader(lab.Unpack(t, needs.SharedData(t, "load/trace.csv.zst")))
	rows.ReuseRecord = true
	rows.Read() // capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,packets,bytes,service,...
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		first, err := strconv.ParseInt(row[6], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if row[9] != "" {
			all.service[newFlowKey(side(t, row[1], row[2]), side(t, row[3], row[4]), first)] = row[9]
		}
	}
}

// seconds is a record's time.
func seconds(t *testing.T, line []byte) float64 {
	var r struct {
		TS float64 `json:"ts"`
	}
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatal(err)
	}
	return r.TS
}

func side(t *testing.T, ip, port string) netip.AddrPort {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		t.Fatal(err)
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(a, uint16(p))
}
