package annotate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A row without a uid finds the flows that overlap its time; where none does, the nearest one
// within the slack.
func TestByTime(t *testing.T) {
	records := packet("A", 1, 100, 1, 80) + end("A", 110, 1, 80) + packet("B", 1, 120, 1, 80) + end("B", 120, 1, 80) +
		packet("C", 2, 121.5, 1, 80) + packet("C", 1, 121.4, 1, 80) + packet("D", 1, 300, 1, 80)
	for _, tt := range []struct {
		first, last float64
		want        string // uids, or the reason why there is none
	}{
		{100, 110, "A"},
		{105, 106, "A"},
		{100, 121, "A,B"},
		{50, 400, "A,B,C,D"},
		{119.1, 119.2, "B"},
		{110.4, 110.5, "A"},   // nearer than B
		{110.0005, 111, "A"},  // rounded
		{111.5, 112, "other"}, // further than the slack
		{120.2, 120.3, "B"},
		{120.9, 121, "C"}, // nearer than B
		{122, 130, "C"},   // no end record: it may still go on
		{250, 251, "other"},
		{299, 299, "D"},
		{419, 420, "D"},
		{425, 426, "other"},
	} {
		l := New(tableOf(t, records), options())
		text := fmt.Sprintf(`{"src_ip":"192.0.2.1","dest_ip":"10.0.0.1","src_port":80,"dst_port":1,"proto":"TCP","ndpi":{"proto":"HTTP"},"first_seen":%.4f,"last_seen":%.4f}`, tt.first, tt.last)
		rep := apply(t, l, NDPI, text)
		got := strings.Join(slices.Sorted(maps.Keys(given(t, l))), ",")
		if len(rep.Skips) > 0 && rep.Skips[0].Why == string(skipTime) {
			got = "other"
		}
		if got != tt.want {
			t.Errorf("%v to %v: %s, want %s; %+v", tt.first, tt.last, got, tt.want, rep)
		}
	}
}

// What the table says of flows: times by their packets, uids that come twice, flows that cannot be
// labelled.
func TestTable(t *testing.T) {
	table := tableOf(t, packet("A", 2, 11, 1, 80)+packet("A", 1, 10, 1, 80)+end("A", 20, 1, 80)+end("X", 20, 2, 80)+`{"ts":1,"query":"x"}`+"\n",
		packet("A", 1, 50, 3, 80)+packet("B", 3, 60, 4, 80)+packet("B", 2, 61, 4, 80)+packet("E", 1, 62, 5, 80)+
			`{"ts":70.5,"uid":"K","id.orig_h":"2001:db8::2","id.orig_p":9,"id.resp_h":"2001:db8::1","id.resp_p":53,"proto":"udp","duration":2.5,"conn_state":"SF"}`+"\n"+
			`{"ev":"end","ts":71,"uid":"unknown","proto":"tcp"}`+"\n"+`{"ev":"end","ts":99,"uid":"E","proto":"tcp"}`+"\n")
	if table.Flows() != 5 || table.Foreign != 1 || table.Without != 1 || table.Late != 1 {
		t.Errorf("%d flows, %+v", table.Flows(), table)
	}
	l := New(table, options())
	if n, named := l.Rest("other"); n != 5 || named != 0 {
		t.Errorf("%d are the rest", n)
	}
	var got []string
	for _, row := range written(t, l, "one.log", "two.log") {
		got = append(got, strings.Join(row, ","))
	}
	golden(t, "table.csv", strings.Join(got, "\n")+"\n")
	if a, e := table.flows[0], table.flows[table.byUID["E"]]; a.last != 20_000_000 || e.last != 99_000_000 || !e.over {
		t.Errorf("%+v %+v", a, e)
	}
	if k := table.flows[table.byUID["K"]]; k.last != 73_000_000 || !k.over {
		t.Errorf("%+v", k)
	}
}

// ICMP flows are found by their addresses, whatever stands in place of ports.
func TestICMP(t *testing.T) {
	six := New(tableOf(t, `{"ev":"pkt","ts":100,"uid":"P","id.orig_h":"fe80::1","id.orig_p":135,"id.resp_h":"ff02::1","id.resp_p":136,"proto":"icmp","n":1,"is_orig":true}`), options())
	apply(t, six, Suricata, `{"timestamp":"1970-01-01T00:01:40.000000+0000","event_type":"alert","src_ip":"fe80::1","dest_ip":"ff02::1","proto":"IPv6-ICMP","alert":{"category":"c"}}`)
	if rows := written(t, six, "x"); len(rows) != 2 || rows[1][5] != "icmp" {
		t.Errorf("%v", rows)
	}
	l := New(tableOf(t, `{"ev":"pkt","ts":100,"uid":"P","id.orig_h":"10.0.0.1","id.orig_p":8,"id.resp_h":"10.0.0.2","id.resp_p":0,"proto":"icmp","n":1,"is_orig":true}`), options())
	apply(t, l, Suricata, `{"timestamp":"1970-01-01T00:01:40.000000+0000","event_type":"alert","src_ip":"10.0.0.2","dest_ip":"10.0.0.1","proto":"ICMP","icmp_type":0,"icmp_code":0,"alert":{"signature":"s","category":"c"}}`)
	if rows := written(t, l, "x"); len(rows) != 2 || rows[1][2] != "8" || rows[1][4] != "0" || rows[1][7] != "c" {
		t.Errorf("%v", rows)
	}
}

func TestProtocols(t *testing.T) {
	for text, want := range map[string]uint8{"TCP": 6, "17": 17, "gre": 47, "58": 58, "igmp": 2, "ESP": 50, "sctp": 132, "0": 0, "unknown_transport": 0, "IPv6-ICMP": 1} {
		if got, err := protocol(text); got != want || err != nil {
			t.Errorf("%s: %d %v", text, got, err)
		}
	}
	for proto, want := range map[uint8]string{6: "tcp", 17: "udp", 1: "icmp", 0: "unknown_transport", 47: "47"} {
		if got := protocolName(proto); got != want {
			t.Errorf("%d: %s", proto, got)
		}
	}
}

func TestMicroseconds(t *testing.T) {
	for text, want := range map[string]int64{
		"1795479991.141425": 1795479991141425, "1795479991141": 1795479991141000, "1795479991141425": 1795479991141425, "-1.5": -1500000, "99999999999": 99999999999000000,
		"2026-11-24T00:26:32.367251+0000": 1795479992367251, "2026-11-24T01:26:32+01:00": 1795479992000000, "2026-11-24T00:26:32Z": 1795479992000000, "2026-11-24T00:26:32": 1795479992000000,
	} {
		if got, err := microseconds(text); got != want || err != nil {
			t.Errorf("%s: %d, want %d; %v", text, got, want, err)
		}
	}
	for _, text := range []string{"", "x", "NaN", "Inf", "1e18", "24.11.2026"} {
		if got, err := microseconds(text); err == nil {
			t.Errorf("%s: %d", text, got)
		}
	}
	if got := seconds(-1_500_000) + " " + seconds(0) + " " + seconds(1795479991141425); got != "-1.500000 0.000000 1795479991.141425" {
		t.Error(got)
	}
}
