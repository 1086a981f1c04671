package nprint

import (
	"maps"
	"testing"

	"github.com/serveflow/serveflow/flow"
)

// fieldMap has a packet's fields that are not absent, without their prefix.
type fieldMap map[string]float32

// own is a packet whose record has all its own fields.
var own = flow.Packet{FromOrig: true, IPLen: 1500, PayloadLen: 1400, Window: 77, TTL: 33, Flags: 24}

func TestPacketFields(t *testing.T) {
	bareOrig := bare(7, true)
	syn := fieldMap{"ip_len": 60, "ip_hl": 20, "ip_tos": 0, "ip_ttl": 64, "ip_df": 1, "ip_id0": 1, "payload_len": 0,
		"tcp_flags": 2, "tcp_window": 64240, "tcp_hl": 40, "tcp_mss": 1460, "tcp_wscale": 7, "tcp_sack_ok": 1,
		"tcp_ts": 1, "tcp_opts": 5, "tcp_opt_order": 0o31642, "tcp_sacks": 0}
	// plain is a TCP packet of 20 header bytes, but for what a case changes.
	plain := fieldMap{"ip_len": 44, "ip_hl": 20, "ip_tos": 0, "ip_ttl": 64, "ip_df": 1, "ip_id0": 0, "payload_len": 0,
		"tcp_flags": 2, "tcp_window": 502, "tcp_hl": 24, "tcp_sack_ok": 0, "tcp_ts": 0, "tcp_opts": 0,
		"tcp_opt_order": 0, "tcp_sacks": 0}
	udp := fieldMap{"ip_len": 55, "ip_hl": 20, "ip_tos": 0, "ip_ttl": 128, "ip_df": 0, "ip_id0": 0, "payload_len": 27,
		"udp_len": 35}
	v6 := fieldMap{"ip_len": 64, "ip_hl": 48, "ip_tos": 0, "ip_ttl": 64}
	all := fieldMap{"ip_len": 1500, "ip_ttl": 33, "payload_len": 1400, "tcp_flags": 24, "tcp_window": 77}

	tests := []struct {
		sample string
		packet flow.Packet
		want   fieldMap
	}{
		{"syn", bareOrig, syn},
		{"syn", own, syn}, // the header has the word
		{"syn-ack", bareOrig, with(plain, fieldMap{"ip_len": 52, "ip_ttl": 56, "ip_df": 0, "tcp_flags": 18, "tcp_window": 28960,
			"tcp_hl": 32, "tcp_mss": 1400, "tcp_wscale": 8, "tcp_sack_ok": 1, "tcp_opts": 6, "tcp_opt_order": 0o314112})},
		{"data", bareOrig, with(plain, fieldMap{"ip_len": 564, "ip_tos": 8, "payload_len": 524, "tcp_flags": 24, "tcp_hl": 20})},
		{"sack", bareOrig, with(plain, fieldMap{"ip_len": 72, "tcp_flags": 0xd0, "tcp_hl": 52, "tcp_ts": 1, "tcp_opts": 6,
			"tcp_opt_order": 0o511611, "tcp_sacks": 2})},
		{"list-ends", bareOrig, with(plain, fieldMap{"ip_len": 48, "tcp_hl": 28, "tcp_opts": 2, "tcp_opt_order": 0o71})},
		{"option-of-no-length", bareOrig, with(plain, fieldMap{"ip_len": 48, "tcp_hl": 28, "tcp_mss": 1460, "tcp_opts": 1, "tcp_opt_order": 2})},
		{"option-too-long", bareOrig, with(plain, fieldMap{"tcp_opts": 1, "tcp_opt_order": 1})},
		{"option-half", bareOrig, with(plain, fieldMap{"tcp_sack_ok": 1, "tcp_opts": 2, "tcp_opt_order": 0o41})},
		{"odd-lengths", bareOrig, with(plain, fieldMap{"ip_len": 56, "tcp_hl": 36, "tcp_sack_ok": 1, "tcp_opts": 6, "tcp_opt_order": 0o141532})},
		{"tcp-too-short", bareOrig, fieldMap{"ip_len": 52, "ip_hl": 20, "ip_tos": 0, "ip_ttl": 64, "ip_df": 1, "ip_id0": 0}},
		{"tcp-too-short", own, fieldMap{"ip_len": 52, "ip_hl": 20, "ip_tos": 0, "ip_ttl": 64, "ip_df": 1, "ip_id0": 0,
			"payload_len": 1400, "tcp_flags": 24, "tcp_window": 77}},
		{"udp", bareOrig, udp},
		{"udp-options", bareOrig, with(udp, fieldMap{"ip_len": 68, "ip_hl": 24, "ip_tos": 0xc0, "ip_ttl": 1, "payload_len": 36, "udp_len": 44})},
		{"icmp-echo", bareOrig, fieldMap{"ip_len": 84, "ip_hl": 20, "ip_tos": 0xc0, "ip_ttl": 64, "ip_df": 1, "ip_id0": 0,
			"payload_len": 56, "icmp_type": 8, "icmp_code": 0}},
		{"sctp", bareOrig, fieldMap{"ip_len": 84, "ip_hl": 20, "ip_tos": 2, "ip_ttl": 64, "ip_df": 1, "ip_id0": 0}},
		{"offloaded", own, with(plain, fieldMap{"ip_len": 0, "payload_len": 1400, "tcp_flags": 24, "tcp_hl": 20})},
		{"length-low", own, with(plain, fieldMap{"ip_len": 30, "payload_len": 1400, "tcp_flags": 24, "tcp_hl": 20})},
		{"frag-first", flow.Packet{FromOrig: true, IPLen: 3028, PayloadLen: 3000, Window: -1, TTL: 64, Flags: -1},
			with(udp, fieldMap{"ip_len": 1500, "ip_ttl": 64, "payload_len": 3000, "udp_len": 3000})},
		{"frag-later", own, fieldMap{"ip_len": 1500, "ip_hl": 20, "ip_tos": 0, "ip_ttl": 64, "ip_df": 0, "ip_id0": 0,
			"payload_len": 1400, "tcp_flags": 24, "tcp_window": 77}},
		{"ihl-low", bareOrig, fieldMap{}},
		{"ihl-low", own, all},
		{"version-5", own, all},
		{"v6-syn", bareOrig, fieldMap{"ip_len": 80, "ip_hl": 40, "ip_tos": 0xb8, "ip_ttl": 64, "payload_len": 0, "tcp_flags": 2,
			"tcp_window": 64240, "tcp_hl": 40, "tcp_mss": 1440, "tcp_wscale": 7, "tcp_sack_ok": 1, "tcp_ts": 1,
			"tcp_opts": 5, "tcp_opt_order": 0o31642, "tcp_sacks": 0}},
		{"v6-extensions", bareOrig, fieldMap{"ip_len": 112, "ip_hl": 80, "ip_tos": 0, "ip_ttl": 64, "payload_len": 12, "tcp_flags": 16,
			"tcp_window": 64240, "tcp_hl": 20, "tcp_sack_ok": 0, "tcp_ts": 0, "tcp_opts": 0, "tcp_opt_order": 0, "tcp_sacks": 0}},
		{"v6-icmp", bareOrig, fieldMap{"ip_len": 72, "ip_hl": 40, "ip_tos": 0, "ip_ttl": 255, "payload_len": 24, "icmp_type": 135, "icmp_code": 0}},
		{"v6-frag-whole", bareOrig, with(v6, fieldMap{"payload_len": 8, "udp_len": 16})},
		{"v6-frag-first", bareOrig, with(v6, fieldMap{"ip_len": 1496, "udp_len": 3000})},
		{"v6-frag-later", bareOrig, v6},
		{"v6-jumbo", flow.Packet{FromOrig: true, IPLen: 131112, PayloadLen: 131044, Window: -1, TTL: 64, Flags: -1},
			fieldMap{"ip_len": 40, "ip_hl": 48, "ip_tos": 0, "ip_ttl": 64, "payload_len": 65575, "tcp_flags": 16, "tcp_window": 64240,
				"tcp_hl": 20, "tcp_sack_ok": 0, "tcp_ts": 0, "tcp_opts": 0, "tcp_opt_order": 0, "tcp_sacks": 0}},
		{"v6-cut", bareOrig, fieldMap{"ip_len": 88, "ip_tos": 0, "ip_ttl": 64}},
		{"v6-no-next", bareOrig, fieldMap{"ip_len": 40, "ip_hl": 40, "ip_tos": 0, "ip_ttl": 64}},
		{"empty", bareOrig, fieldMap{}},
		{"empty", own, all},
		{"empty", flow.Packet{FromOrig: true, IPLen: 1 << 30, PayloadLen: -7, Window: -2, TTL: -1, Flags: -1}, fieldMap{"ip_len": 65575}},
	}
	fields := newColumns(t, fieldNames(1))
	for _, tt := range tests {
		got := fields.of(ofOne(tt.packet, raw(t, samples[tt.sample])), 1)
		want := with(fieldMap{"dir": 1, "log_gap": 0}, tt.want)
		for _, d := range packetSchema {
			value, there := want[d.name]
			if !there {
				value = Absent
			}
			if v := got["p1_"+d.name]; v != value {
				t.Errorf("%s, own length %d: %s is %v, want %v", tt.sample, tt.packet.IPLen, d.name, v, value)
			}
		}
	}
}

// with is base with some fields changed or added.
func with(base, change fieldMap) fieldMap {
	m := maps.Clone(base)
	maps.Copy(m, change)
	return m
}

// TestCutHeaders cuts every sample after each byte: a value is what it is in the
// whole header, or absent, and comes back no more once it is gone.
func TestCutHeaders(t *testing.T) {
	all := newColumns(t, append(fieldNames(1), bitNames(1)...))
	for sample, text := range samples {
		if sample == "tcp-too-short" {
			continue // which it is no more when it is cut before it says so
		}
		hdr := raw(t, text)
		whole := all.of(ofOne(bare(0, true), hdr), 1)
		for n := len(hdr) - 1; n >= 0; n-- {
			cut := all.of(ofOne(bare(0, true), hdr[:n]), 1)
			for _, name := range all.names {
				if cut[name] != whole[name] && cut[name] != Absent {
					t.Fatalf("%s cut to %d bytes: %s is %v, was %v", sample, n, name, cut[name], whole[name])
				}
			}
			whole = cut
		}
		if got := whole["p1_dir"]; got != 1 {
			t.Errorf("%s without a header: p1_dir is %v, want 1", sample, got)
		}
	}
}
