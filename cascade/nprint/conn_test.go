package nprint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// nothing is a record of conn.log without any field.
func nothing() *zeek.ConnFields {
	return &zeek.ConnFields{Duration: zeek.Absent, OrigBytes: zeek.Absent, RespBytes: zeek.Absent, MissedBytes: zeek.Absent,
		OrigPkts: zeek.Absent, RespPkts: zeek.Absent, OrigIPBytes: zeek.Absent, RespIPBytes: zeek.Absent}
}

// web is a connection as Zeek tells of many.
func web() *zeek.ConnFields {
	return &zeek.ConnFields{Duration: 255, OrigBytes: 136, RespBytes: 5007, OrigPkts: 7, RespPkts: 7, OrigIPBytes: 512, RespIPBytes: 5379,
		MissedBytes: 3, Service: []byte("http"), State: []byte("SF"), History: []byte("ShADadFf")}
}

func ofConnLog(c *zeek.ConnFields) *flow.Flow {
	f := newFlow()
	f.PutConn(&zeek.Record{Kind: zeek.Conn, TS: 1e15, Conn: c})
	return f
}

func TestConnFeatures(t *testing.T) {
	columns := newColumns(t, ConnNames())
	for _, tt := range []struct {
		name   string
		change func(c *zeek.ConnFields)
		want   map[string]float32
	}{
		{"as it is", func(*zeek.ConnFields) {}, map[string]float32{"proto": 6, "resp_port": 80, "conn_log_duration": 64, "conn_log_gap": 34,
			"conn_orig_bytes": 136, "conn_resp_ip_bytes": 5379, "conn_missed_bytes": 3, "conn_orig_per_pkt": 73, "conn_resp_per_pkt": 768,
			"conn_bytes_share": 86, "conn_pkts_share": 500, "conn_state": 2, "conn_services": 1, "conn_service_http": 1, "conn_service_dns": 0,
			"conn_service_other": 0, "conn_history_flip": 0, "conn_history_head": 0x14576, "conn_history_orig_s": 1, "conn_history_resp_s": 0,
			"conn_history_resp_h": 1, "conn_history_resp_f": 1, "conn_history_orig_x": 0}},
		{"no packet", func(c *zeek.ConnFields) { c.OrigPkts, c.RespPkts, c.OrigIPBytes, c.RespIPBytes = 0, 0, 0, 0 },
			map[string]float32{"conn_orig_pkts": 0, "conn_orig_per_pkt": -1, "conn_bytes_share": -1, "conn_pkts_share": -1, "conn_log_gap": -1}},
		{"one packet", func(c *zeek.ConnFields) { c.OrigPkts, c.RespPkts, c.Duration = 1, 0, 0 },
			map[string]float32{"conn_log_duration": 0, "conn_log_gap": -1, "conn_pkts_share": 1000, "conn_resp_per_pkt": -1}},
		{"two packets of one side", func(c *zeek.ConnFields) { c.OrigPkts, c.RespPkts = 0, 2 },
			map[string]float32{"conn_log_gap": 64, "conn_pkts_share": 0}},
		{"two packets of the other side", func(c *zeek.ConnFields) { c.OrigPkts, c.RespPkts = 2, 0 },
			map[string]float32{"conn_log_gap": 64, "conn_pkts_share": 1000}},
		{"packets of no bytes", func(c *zeek.ConnFields) { c.OrigIPBytes = 0 },
			map[string]float32{"conn_orig_ip_bytes": 0, "conn_orig_per_pkt": 0, "conn_bytes_share": 0}},
		{"one side unknown", func(c *zeek.ConnFields) { c.RespPkts, c.RespIPBytes = zeek.Absent, zeek.Absent },
			map[string]float32{"conn_resp_pkts": -1, "conn_pkts_share": -1, "conn_bytes_share": -1, "conn_log_gap": -1, "conn_orig_per_pkt": 73}},
		{"more than a float32 counts", func(c *zeek.ConnFields) { c.OrigBytes, c.OrigIPBytes = 1<<24, math.MaxInt64 },
			map[string]float32{"conn_orig_bytes": 1<<24 - 1, "conn_orig_ip_bytes": 1<<24 - 1, "conn_orig_per_pkt": 1<<24 - 1, "conn_bytes_share": 999}},
		{"history in capitals", func(c *zeek.ConnFields) { c.History = []byte("^SSSD") },
			map[string]float32{"conn_history_flip": 1, "conn_history_head": 0x11170, "conn_history_orig_s": 3, "conn_history_orig_d": 1}},
		{"trouble is no lifecycle", func(c *zeek.ConnFields) { c.History = []byte("CTgwiqXD") },
			map[string]float32{"conn_history_head": 0x70000, "conn_history_orig_c": 1, "conn_history_resp_g": 1, "conn_history_orig_x": 1}},
		{"history of other signs", func(c *zeek.ConnFields) { c.History = []byte("\x00\x13zZ\xc1\xe1 3-") },
			map[string]float32{"conn_history_head": 0, "conn_history_flip": 0}},
		{"several services", func(c *zeek.ConnFields) { c.Service = []byte("ssl,krb_tcp,,ldap_udp,novel,ftp-data") },
			map[string]float32{"conn_services": 5, "conn_service_ssl": 1, "conn_service_krb": 1, "conn_service_ldap": 1, "conn_service_ftp_data": 1,
				"conn_service_ftp": 0, "conn_service_other": 1, "conn_service_http": 0}},
		{"another state", func(c *zeek.ConnFields) { c.State = []byte("S9") }, map[string]float32{"conn_state": 13}},
		{"no state", func(c *zeek.ConnFields) { c.State = nil }, map[string]float32{"conn_state": -1}},
	} {
		c := web()
		tt.change(c)
		got := columns.of(ofConnLog(c), 1)
		for name, want := range tt.want {
			if value, ok := got[name]; !ok || value != want {
				t.Errorf("%s: %s is %v, want %v", tt.name, name, value, want)
			}
		}
	}
}

// What one input lacks is absent for the other.
func TestConnAndPacketsApart(t *testing.T) {
	for name, got := range newColumns(t, ConnNames()).of(conversation(t), 7) {
		if strings.HasPrefix(name, ConnPrefix) && got != Absent {
			t.Errorf("%s is %v in a flow of packets", name, got)
		}
	}
	for name, got := range newColumns(t, fieldNames(1)).of(ofConnLog(web()), 1) {
		if got != Absent {
			t.Errorf("%s is %v in a flow of conn.log", name, got)
		}
	}
}

// Whatever a record says, its values are whole, exact in a float32, and the same
// alone as beside others.
func TestAnyConn(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	number := func() int64 {
		return []int64{zeek.Absent, 0, 1, random.Int64N(5000), random.Int64(), math.MaxInt64}[random.IntN(6)]
	}
	text := func(alphabet string) []byte {
		b := make([]byte, random.IntN(12))
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		return b
	}
	names := ConnNames()
	all := mustNew(t, names)
	row, one := make([]float32, len(names)), make([]float32, 1)
	for range 2000 {
		f := ofConnLog(&zeek.ConnFields{Duration: number(), OrigBytes: number(), RespBytes: number(), MissedBytes: number(), OrigPkts: number(),
			RespPkts: number(), OrigIPBytes: number(), RespIPBytes: number(), Service: text("dns,sl_tcp"), State: text("S012F"), History: text(letters + "SHADFR^\xff")})
		all.Extract(row, f, 1)
		for i, x := range row {
			if x < Absent || x > exact || x != float32(int32(x)) {
				t.Fatalf("%s is %v of %+v", names[i], x, *f.Conn())
			}
		}
		i := random.IntN(len(names))
		if mustNew(t, names[i:i+1]).Extract(one, f, 1); one[0] != row[i] {
			t.Fatalf("%s is %v alone, %v beside others", names[i], one[0], row[i])
		}
	}
}

func TestConnNames(t *testing.T) {
	names := ConnNames()
	if len(names) != 4+connFields {
		t.Errorf("%d names for %d values", len(names), 4+connFields)
	}
	for i, name := range names {
		if strings.HasPrefix(name, ConnPrefix) != (i >= 4) || slices.Contains(names[:i], name) || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_0123456789") != "" {
			t.Errorf("name %d is %q", i+1, name)
		}
	}
}

func TestConnNoAllocation(t *testing.T) {
	names := ConnNames()
	e, f, dst := mustNew(t, names), ofConnLog(web()), make([]float32, len(names))
	if n := testing.AllocsPerRun(100, func() { e.Extract(dst, f, 1) }); n != 0 {
		t.Errorf("Extract allocates %v times", n)
	}
}

func BenchmarkConn(b *testing.B) {
	names := ConnNames()
	e, f, dst := mustNew(b, names), ofConnLog(web()), make([]float32, len(names))
	for b.Loop() {
		e.Extract(dst, f, 1)
	}
}

// TestGoldenConns has a line a feature and a column a connection.
func TestGoldenConns(t *testing.T) {
	columns := newColumns(t, ConnNames())
	lookup := &zeek.ConnFields{Duration: zeek.Absent, OrigBytes: zeek.Absent, RespBytes: zeek.Absent, OrigPkts: 1, OrigIPBytes: 71, State: []byte("S0"), History: []byte("D")}
	v6 := ofConnLog(lookup)
	v6.Proto, v6.Orig, v6.Resp = zeek.UDP, netip.MustParseAddrPort("[fd00::1]:5353"), netip.MustParseAddrPort("[ff02::fb]:5353")
	got := []map[string]float32{columns.of(ofConnLog(web()), 1), columns.of(v6, 1), columns.of(ofConnLog(nothing()), 1)}
	var csv strings.Builder
	csv.WriteString("feature,web,lookup,nothing\n")
	for _, name := range columns.names {
		fmt.Fprintf(&csv, "%s,%v,%v,%v\n", name, got[0][name], got[1][name], got[2][name])
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/conns.csv", csv.String())
}
