package annotate

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
)

// flowFrom is a packet record of a flow from a host.
func flowFrom(uid, host string, ts int) string {
	return fmt.Sprintf(`{"ev":"pkt","ts":%d,"uid":%q,"id.orig_h":%q,"id.orig_p":1,"id.resp_h":"10.0.0.200","id.resp_p":80,"proto":"tcp","n":1,"is_orig":true}`+"\n", ts, uid, host)
}

// leased is a record of dhcp.log.
func leased(ts int, mac, addr, messages string, seconds int) string {
	return fmt.Sprintf(`{"ts":%d,"uids":["D"],"mac":%q,"assigned_addr":%q,"lease_time":%d,"msg_types":[%s]}`+"\n", ts, mac, addr, seconds, messages)
}

const (
	fresh   = `"DISCOVER","OFFER","REQUEST","ACK"`
	renewed = `"REQUEST","ACK"`
)

func TestDevices(t *testing.T) {
	records := flowFrom("A", "10.0.0.1", 1000) + flowFrom("B", "10.0.0.1", 5000) + flowFrom("C", "10.0.0.2", 1000) + flowFrom("D", "10.0.0.3", 1000)
	conn := `{"ts":1,"uid":"A","id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.200","id.resp_p":80,"proto":"tcp","orig_l2_addr":"00:00:00:00:00:0a","resp_l2_addr":"00:00:00:00:00:0b"}` + "\n"
	for _, tt := range []struct {
		name, list, macs string
		want             map[string]string // uid: label
		skips            []Skip
	}{
		{"by address", "ip,label\n10.0.0.1,phone\n10.0.0.9,tv\n", "", map[string]string{"A": "phone", "B": "phone"}, []Skip{{string(skipDevice), 1}}},
		{"the originator's first", "label,ip\nserver,10.0.0.200\ncam,10.0.0.2\n", "", map[string]string{"A": "server", "B": "server", "C": "cam", "D": "server"}, nil},
		{"for some time", "ip;label;from;to\n10.0.0.1;phone;;1970-01-01T01:00:00Z\n10.0.0.1;tv;4000;\n10.0.0.2;old;2000;3000\n", "",
			map[string]string{"A": "phone", "B": "tv"}, []Skip{{string(skipTime), 1}}},
		{"by MAC in conn.log", "mac,label\n00-00-00-00-00-0A,phone\n00000000000b,server\n00:00:00:00:00:0c,none\n", conn, map[string]string{"A": "phone"},
			[]Skip{{string(skipDevice), 1}, {string(skipAddress), 1}}},
		{"by MAC without any", "mac,label\n00-00-00-00-00-0A,phone\n", "", map[string]string{}, []Skip{{string(skipAddress), 1}}},
		{"by lease", "mac,ip,label\n00:00:00:00:00:0a,,phone\n00:00:00:00:00:0b,,tv\n,10.0.0.3,cam\n",
			leased(900, "00:00:00:00:00:0a", "10.0.0.1", fresh, 3600) + leased(4600, "00:00:00:00:00:0b", "10.0.0.1", fresh, 3600) + leased(1100, "00:00:00:00:00:0a", "10.0.0.2", renewed, 600),
			map[string]string{"A": "phone", "B": "tv", "C": "phone", "D": "cam"}, nil},
		{"a lease that is over, or not yet", "mac,label\n00:00:00:00:00:0a,phone\n",
			leased(900, "00:00:00:00:00:0a", "10.0.0.1", fresh, 50) + leased(1001, "00:00:00:00:00:0a", "10.0.0.2", fresh, 50), map[string]string{}, []Skip{{string(skipDevice), 1}}},
		{"another device got the address", "mac,label\n00:00:00:00:00:0a,phone\n",
			leased(900, "00:00:00:00:00:0a", "10.0.0.2", fresh, 3600) + leased(950, "00:00:00:00:00:0b", "10.0.0.2", renewed, 3600), map[string]string{}, []Skip{{string(skipDevice), 1}}},
		{"the address changed hands", "mac,label\n00:00:00:00:00:0a,phone\n00:00:00:00:00:0b,tv\n",
			leased(1100, "00:00:00:00:00:0b", "10.0.0.2", renewed, 3600) + leased(900, "00:00:00:00:00:0a", "10.0.0.2", fresh, 3600) + leased(1050, "00:00:00:00:00:0b", "10.0.0.3", renewed, 3600) +
				leased(500, "00:00:00:00:00:0b", "10.0.0.3", fresh, 10), map[string]string{"C": "phone", "D": "tv"}, nil},
		{"a lease without an end", "mac,label\n00:00:00:00:00:0a,phone\n", leased(900, "00:00:00:00:00:0a", "10.0.0.1", fresh, 0) + leased(5001, "00:00:00:00:00:0a", "10.0.0.3", renewed, 2_000_000_000),
			map[string]string{"A": "phone", "B": "phone"}, nil},
		{"no lease without a yes", "mac,label\n00:00:00:00:00:0a,phone\n", leased(900, "00:00:00:00:00:0a", "10.0.0.2", `"REQUEST","NAK"`, 3600), map[string]string{}, []Skip{{string(skipAddress), 1}}},
	} {
		table := tableOf(t, records)
		opt := options()
		if tt.macs != "" {
			opt.MACs = NewMACs(table)
			if rep, err := opt.MACs.Read(t.Context(), "macs", strings.NewReader(tt.macs)); err != nil || rep.Rows != strings.Count(tt.macs, "\n") {
				t.Errorf("%s: %+v %v", tt.name, rep, err)
			}
		}
		l := New(table, opt)
		rep := apply(t, l, Devices, tt.list)
		got := given(t, l)
		for uid, label := range got {
			got[uid] = strings.TrimSuffix(label, " devices")
		}
		if !maps.Equal(got, tt.want) || !reflect.DeepEqual(rep.Skips, tt.skips) {
			t.Errorf("%s: got %v, want %v; %+v", tt.name, got, tt.want, rep)
		}
	}
}

func TestMACsInTSV(t *testing.T) {
	table := tableOf(t, flowFrom("A", "192.168.30.11", 1488571200))
	m := NewMACs(table)
	rep, err := m.Read(t.Context(), "dhcp.log", strings.NewReader("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdhcp\n"+
		"#fields\tts\tuids\tclient_addr\tserver_addr\tmac\thost_name\tassigned_addr\tlease_time\tmsg_types\tduration\n"+
		"#types\ttime\tset[string]\taddr\taddr\tstring\tstring\taddr\tinterval\tvector[string]\tinterval\n"+
		"1488571152.666896\tC1,C2\t-\t-\t00:21:70:e9:bb:47\thost\t-\t-\tREQUEST,NAK\t0.009251\n"+
		"1488571152.699148\tC3,C2\t192.168.30.11\t192.168.30.1\t00:21:70:e9:bb:47\thost\t192.168.30.11\t86400.000000\tDISCOVER,OFFER,REQUEST,ACK\t0.022753\n"))
	if err != nil || rep.Rows != 2 || rep.Hits != 1 {
		t.Errorf("%+v %v", rep, err)
	}
	if got, ok := m.of(0, 0, table.flows[0].orig().Addr()); !ok || got != (mac{0, 0x21, 0x70, 0xe9, 0xbb, 0x47}) {
		t.Errorf("%v %v", got, ok)
	}
}

// What is wrong in the files of --macs is counted.
func TestMACsReport(t *testing.T) {
	m := NewMACs(tableOf(t, flowFrom("A", "10.0.0.1", 1)))
	const ids = `"id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.200","id.resp_p":80,"proto":"tcp","orig_l2_addr":"00:00:00:00:00:0a"}`
	rep, err := m.Read(t.Context(), "macs", strings.NewReader(`{"uid":"A",`+ids+"\nx\n"+`{"uid":"B",`+ids+"\n"+`{"uid":"A",`+strings.Replace(ids, `"00:`, `"`, 1)+"\n"+leased(1, "x", "10.0.0.1", fresh, 1)))
	want := []Skip{{string(skipUnread), 1}, {string(skipUID), 1}, {"no MAC in it", 1}, {"no address was given", 1}}
	if err != nil || rep.Rows != 4 || rep.Hits != 1 || !reflect.DeepEqual(rep.Skips, want) || !strings.Contains(rep.Bad, "line 2") {
		t.Errorf("%+v %v", rep, err)
	}
	if _, err := m.Read(t.Context(), "macs", strings.NewReader("x\n")); WrongForm(err) == nil {
		t.Errorf("%v", err)
	}
}
