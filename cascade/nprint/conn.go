package nprint

import (
	"slices"
	"strings"
)

// ConnPrefix begins the name of every feature that comes from a record of conn.log.
const ConnPrefix = "conn_"

// Values from a record of conn.log, in the order of ConnNames. One of each service
// and two of each letter of the history follow them.
const (
	connLogDuration = iota
	connLogGap
	connOrigBytes
	connRespBytes
	connMissedBytes
	connOrigPkts
	connRespPkts
	connOrigIPBytes
	connRespIPBytes
	connOrigPerPkt
	connRespPerPkt
	connBytesShare
	connPktsShare
	connState
	connServices
	connServiceOther
	connFlip
	connHead
	connService0
	connLetter0 = connService0 + len(services)
	connFields  = connLetter0 + 2*len(letters)
)

// services are analyzers by the name that Zeek gives them, without _tcp and _udp.
var services = [...]string{
	"dns", "http", "ssl", "quic", "ssh", "ftp", "ftp-data", "smtp", "imap", "pop3", "ntp", "dhcp",
	"smb", "dce_rpc", "gssapi", "ntlm", "krb", "ldap", "rdp", "rfb", "sip", "irc", "xmpp", "mqtt",
	"websocket", "mysql", "postgresql", "redis", "radius", "snmp", "socks", "syslog", "tftp",
	"modbus", "dnp3", "bittorrent", "teredo",
}

// letters are those of Zeek's history. The first six say how the connection was opened,
// used and closed, the others that there was trouble.
const (
	letters   = "shadfrcgtwiqx"
	lifecycle = 6
)

// states are the values of conn_state, by the number that stands for them.
var states = [...]string{"S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH"}

var connSchema = func() []description {
	all := []description{
		connLogDuration:  {"conn_log_duration", "floor(8 log2(1 + microseconds)) of `duration`"},
		connLogGap:       {"conn_log_gap", "floor(8 log2(1 + microseconds)) of the mean time between two packets"},
		connOrigBytes:    {"conn_orig_bytes", "payload bytes of the originator, 2^24-1 at most as all counts here"},
		connRespBytes:    {"conn_resp_bytes", "payload bytes of the responder"},
		connMissedBytes:  {"conn_missed_bytes", "payload bytes that Zeek did not see"},
		connOrigPkts:     {"conn_orig_pkts", "packets of the originator"},
		connRespPkts:     {"conn_resp_pkts", "packets of the responder"},
		connOrigIPBytes:  {"conn_orig_ip_bytes", "bytes of the originator's packets, IP headers included"},
		connRespIPBytes:  {"conn_resp_ip_bytes", "bytes of the responder's packets, IP headers included"},
		connOrigPerPkt:   {"conn_orig_per_pkt", "`orig_ip_bytes` by `orig_pkts`, rounded down"},
		connRespPerPkt:   {"conn_resp_per_pkt", "`resp_ip_bytes` by `resp_pkts`, rounded down"},
		connBytesShare:   {"conn_bytes_share", "of 1,000 bytes of both sides' packets, those of the originator, rounded down"},
		connPktsShare:    {"conn_pkts_share", "of 1,000 packets of both sides, those of the originator, rounded down"},
		connState:        {"conn_state", "0 S0, 1 S1, 2 SF, 3 REJ, 4 S2, 5 S3, 6 RSTO, 7 RSTR, 8 RSTOS0, 9 RSTRH, 10 SH, 11 SHR, 12 OTH, 13 any other"},
		connServices:     {"conn_services", "analyzers that `service` names"},
		connServiceOther: {"conn_service_other", "1 where `service` names one that has no feature here, else 0"},
		connFlip:         {"conn_history_flip", "1 where Zeek swapped originator and responder (`^`), else 0"},
		connHead:         {"conn_history_head", "the first five of the letters S H A D F R and s h a d f r as base-16 digits, the first letter the highest: 1 S, 2 s, 3 H, 4 h, 5 A, 6 a, 7 D, 8 d, 9 F, 10 f, 11 R, 12 r, 0 none"},
	}
	for _, s := range services {
		all = append(all, description{"conn_service_" + strings.ReplaceAll(s, "-", "_"), "1 where `service` names " + s + ", else 0"})
	}
	for _, l := range letters {
		upper := string(l - 'a' + 'A')
		all = append(all,
			description{"conn_history_orig_" + string(l), "how often `history` has " + upper + ", of the originator"},
			description{"conn_history_resp_" + string(l), "how often `history` has " + string(l) + ", of the responder"})
	}
	return all
}()

// ConnNames gives the features that a flow of conn.log has: those of its endpoints,
// then those of the record.
func ConnNames() []string {
	var names []string
	for _, d := range slices.Concat(flowSchema[:packets], connSchema) {
		names = append(names, d.name)
	}
	return names
}
