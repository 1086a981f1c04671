package annotate

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// The rows of Zeek's logs find their flow by uid, and name it as Zeek does.
func TestZeekLogs(t *testing.T) {
	ids := `"id.orig_h":"10.0.0.1","id.orig_p":4000,"id.resp_h":"192.0.2.1","id.resp_p":443`
	tsv := func(path, fields, types, row string) string {
		row = strings.ReplaceAll(row, " ", "\t")
		return "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t" + path +
			"\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\t" + fields +
			"\n#types\ttime\tstring\taddr\tport\taddr\tport\t" + types + "\n1700000000.5\tC1\t10.0.0.1\t4000\t192.0.2.1\t443\t" + row + "\n"
	}
	for _, tt := range []struct {
		kind Kind
		text string
		want string // label, or else the reason why there is none
	}{
		{Conn, `{"ts":1.5,"uid":"C1",` + ids + `,"proto":"tcp","service":"ssl","conn_state":"SF"}`, "ssl"},
		{Conn, `{"ts":1.5,"uid":"C1",` + ids + `,"proto":"tcp","service":"quic,ssl"}`, "quic,ssl"},
		{Conn, `{"ts":1.5,"uid":"C1",` + ids + `,"proto":"tcp","service":"-http,ssl"}`, "ssl"},
		{Conn, `{"ts":1.5,"uid":"C1",` + ids + `,"proto":"tcp","service":"-http"}`, "no name in it"},
		{Conn, `{"ts":1.5,"uid":"C1",` + ids + `,"proto":"tcp"}`, "no name in it"},
		{Conn, `{"ts":1.5,"uid":"C2",` + ids + `,"proto":"tcp","service":"ssl"}`, "no flow with its uid"},
		{Conn, `{"ts":1.5,"uid":"C1",` + strings.Replace(ids, "4000", "4001", 1) + `,"proto":"tcp","service":"ssl"}`, "no flow with its uid between its addresses and ports"},
		{Conn, `{"ts":1.5,"uid":"C1",` + ids + `,"proto":"tcp","service":"` + strings.Repeat("x", 65) + `"}`, "its name cannot be a label: 64 printable characters at most, and not unknown"},
		{Conn, tsv("conn", "proto\tservice", "enum\tstring", "tcp ssl,http"), "ssl,http"},
		{TLS, `{"ts":"2023-11-14T22:13:20.500000Z","uid":"C1",` + ids + `,"version":"TLSv13","server_name":"WWW.Example.CO.UK"}`, "example.co.uk"},
		{TLS, `{"ts":1.5,"uid":"C1",` + ids + `,"version":"TLSv13"}`, "no name in it"},
		{TLS, tsv("ssl", "version\tserver_name", "string\tstring", "TLSv12 r4---sn-4g5e.googlevideo.com"), "googlevideo.com"},
		{TLS, tsv("quic", "version\tserver_name", "string\tstring", "1 -"), "no name in it"},
		{HTTP, tsv("http", "method\thost", "string\tstring", "GET printer.local:8080"), "printer.local"},
		{HTTP, `{"ts":1.5,"uid":"C1",` + ids + `,"host":"[2001:db8::1]:80"}`, "2001:db8::1"},
		{HTTP, `{"ts":1.5,"uid":"C1",` + ids + `,"host":"192.0.2.1"}`, "192.0.2.1"},
		{DNS, `{"ts":1.5,"uid":"C1",` + ids + `,"proto":"tcp","query":"example.com","answers":["203.0.113.9"]}`, "dns"},
		{DNS, `{"ts":1.5,"uid":"C1",` + ids + `,"proto":"tcp","trans_id":0}`, "dns"},
		{DNS, `{"ts":1.5,"uid":"C1",` + ids + `,"proto":"tcp","service":"ssl"}`, "no name in it"},
		{DNS, `{"ts":1.5,"uid":"C1",` + strings.Replace(ids, "443", "5353", 1) + `,"proto":"udp","query":"x"}`, "no flow with its uid between its addresses and ports"},
	} {
		l := New(tableOf(t, packet("C1", 1, 1700000000.5, 4000, 443)), options())
		rep := apply(t, l, tt.kind, tt.text)
		got := strings.TrimSuffix(given(t, l)["C1"], " "+string(tt.kind))
		if len(rep.Skips) > 0 {
			got = rep.Skips[0].Why
		}
		if got != tt.want || rep.Rows != 1 {
			t.Errorf("%s %s: got %q of %d rows, want %q", tt.kind, tt.text, got, rep.Rows, tt.want)
		}
	}
}

// A DNS answer names the client's later flows to the address, until the window is over; the
// latest answer before the flow holds, and what the flow says of itself holds before any.
func TestDNSAnswers(t *testing.T) {
	dns := func(uid string, ts int, client, query, answers string) string {
		return fmt.Sprintf(`{"ts":%d,"uid":%q,"id.orig_h":%q,"id.orig_p":5000,"id.resp_h":"10.0.0.53","id.resp_p":53,"proto":"udp","query":%q,"answers":[%s]}`+"\n",
			ts, uid, client, query, answers)
	}
	records := packet("before", 1, 99, 1, 443) + packet("soon", 1, 101, 2, 443) + packet("last", 1, 700, 3, 443) + packet("late", 1, 701, 4, 443) +
		packet("again", 1, 5001, 5, 443) + packet("old", 1, 5000, 6, 443)
	log := dns("D1", 100, "10.0.0.1", "cdn.example.org.", `"alias.example.net","192.0.2.1"`) + dns("D2", 100, "10.0.0.2", "other.example.com", `"192.0.2.1"`) +
		dns("D3", 4500, "10.0.0.1", "a.example.com", `"192.0.2.1"`) + dns("D4", 5001, "10.0.0.1", "b.example.net", `"2001:db8::1","192.0.2.1"`) +
		dns("D5", 1, "10.0.0.1", "", `"192.0.2.1"`)
	want := map[string]string{"soon": "example.org dns", "last": "example.org dns", "again": "example.net dns", "old": "example.com dns"}
	for _, text := range []string{log, reversed(log)} {
		l := New(tableOf(t, records), options())
		rep := apply(t, l, DNS, text)
		if got := given(t, l); !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if rep.Hits != 3 || rep.Rows != 5 {
			t.Errorf("%+v", rep)
		}
	}
	l := New(tableOf(t, records), Options{Rules: rulesOf(t, ".example.org,web\n")})
	l.opt.Window = options().Window
	if apply(t, l, DNS, log); !maps.Equal(given(t, l), map[string]string{"soon": "web dns", "last": "web dns"}) {
		t.Errorf("with rules: %v", given(t, l))
	}
}

func reversed(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append([]string{line}, lines...)
	}
	return strings.Join(lines, "")
}

// Other protocols of DNS's form have names of their own.
func TestKindsOfDNS(t *testing.T) {
	for port, want := range map[int]string{53: "dns", 5353: "mdns", 5355: "llmnr", 137: "netbios-ns", 1: "dns"} {
		l := New(tableOf(t, packet("C1", 1, 1, 4000, port)), options())
		apply(t, l, DNS, fmt.Sprintf(`{"ts":1,"uid":"C1","id.orig_h":"10.0.0.1","id.orig_p":4000,"id.resp_h":"192.0.2.1","id.resp_p":%d,"proto":"tcp","query":"x","answers":["192.0.2.1"]}`, port))
		if got := given(t, l); got["C1"] != want+" dns" {
			t.Errorf("%d: %v", port, got)
		}
	}
}

// What a DNS flow says of itself holds before an answer that leads to its resolver, also where
// that comes first, and at the same time. The client may have the higher address.
func TestDNSOfTheResolver(t *testing.T) {
	flow := `{"ev":"pkt","ts":5,"uid":"Q","id.orig_h":"192.0.2.9","id.orig_p":1,"id.resp_h":"192.0.2.1","id.resp_p":53,"proto":"udp","n":1,"is_orig":true}` + "\n"
	answer := `{"ts":5,"uid":"R","id.orig_h":"192.0.2.9","id.orig_p":2,"id.resp_h":"192.0.2.7","id.resp_p":53,"proto":"udp","query":"resolver.example.org","answers":["192.0.2.1"]}` + "\n"
	own := `{"ts":5,"uid":"Q","id.orig_h":"192.0.2.9","id.orig_p":1,"id.resp_h":"192.0.2.1","id.resp_p":53,"proto":"udp","query":"x.example.org"}` + "\n"
	for text, want := range map[string]string{answer + own: "dns dns", own + answer: "dns dns", answer: "example.org dns"} {
		l := New(tableOf(t, flow), options())
		apply(t, l, DNS, text)
		if got := given(t, l); got["Q"] != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
