package nprint

import "github.com/serveflow/serveflow/flow"

// Schema is the name of this set of features with their meanings. A bundle says which
// schema it uses.
const Schema = "serveflow.features/1"

// MaxDepth is how many of a flow's packets have features.
const MaxDepth = flow.Deepest

// Absent is the value of a feature that the flow does not have: the packet is missing, the
// packet does not have the field, or its header is missing or cut there.
const Absent = -1

// description is one line of the schema.
type description struct{ name, meaning string }

// Flow-level values, in the order of Names.
const (
	proto = iota
	ipVersion
	origPort
	respPort
	packets
	origPackets
	respPackets
	origPayload // from here to respPayloadMax: from each packet's payload length
	respPayload
	origPayloadMax
	respPayloadMax
	logDuration
	flowFields
)

var flowSchema = [flowFields]description{
	proto:          {"proto", "IP protocol number; absent where Zeek does not name it"},
	ipVersion:      {"ip_version", "4 or 6, of the flow's addresses"},
	origPort:       {"orig_port", "originator's port, as Zeek gives it (ICMP: the type)"},
	respPort:       {"resp_port", "responder's port, as Zeek gives it (ICMP: the code)"},
	packets:        {"packets", "packets that are there, of those looked at"},
	origPackets:    {"orig_packets", "of these, from the originator"},
	respPackets:    {"resp_packets", "of these, from the responder"},
	origPayload:    {"orig_payload", "sum of `payload_len` over the originator's packets, where it is known"},
	respPayload:    {"resp_payload", "sum of `payload_len` over the responder's packets, where it is known"},
	origPayloadMax: {"orig_payload_max", "largest `payload_len` of the originator's packets; absent if none is known"},
	respPayloadMax: {"resp_payload_max", "largest `payload_len` of the responder's packets; absent if none is known"},
	logDuration:    {"log_duration", "floor(8 log2(1 + microseconds)) from the first packet looked at to the last"},
}

// A packet's compact fields, in the order of Names.
const (
	dir = iota
	logGap
	ipLen
	ipHL
	ipTOS
	ipTTL
	ipDF
	ipID0
	payloadLen
	tcpFlags
	tcpWindow
	tcpHL
	tcpMSS // from here to tcpSACKs: from the TCP options
	tcpWScale
	tcpSACKOK
	tcpTS
	tcpOpts
	tcpOptOrder
	tcpSACKs
	udpLen
	icmpType
	icmpCode
	packetFields
)

var packetSchema = [packetFields]description{
	dir:         {"dir", "1 from the originator, 0 from the responder"},
	logGap:      {"log_gap", "floor(8 log2(1 + microseconds)) since the packet before it that is there; 0 for the first, and for one dated before its predecessor"},
	ipLen:       {"ip_len", "IPv4 total length (0 in captures of offloaded segments); IPv6 payload length + 40; the record's own where the header lacks it"},
	ipHL:        {"ip_hl", "IP header bytes: IPv4 with options, IPv6 with extension headers"},
	ipTOS:       {"ip_tos", "type of service; IPv6 traffic class"},
	ipTTL:       {"ip_ttl", "time to live; IPv6 hop limit; the record's own where the header lacks it"},
	ipDF:        {"ip_df", "IPv4 don't-fragment bit"},
	ipID0:       {"ip_id0", "1 where the IPv4 identification is 0, else 0"},
	payloadLen:  {"payload_len", "bytes behind the TCP, UDP or ICMP header: `ip_len` less the headers; the record's own for fragments and where the headers cannot tell"},
	tcpFlags:    {"tcp_flags", "0 to 255: CWR ECE URG ACK PSH RST SYN FIN, FIN the lowest; the record's own where the header lacks it"},
	tcpWindow:   {"tcp_window", "window as sent, not scaled; the record's own where the header lacks it"},
	tcpHL:       {"tcp_hl", "TCP header bytes, options included"},
	tcpMSS:      {"tcp_mss", "maximum segment size option"},
	tcpWScale:   {"tcp_wscale", "window scale option, shift count"},
	tcpSACKOK:   {"tcp_sack_ok", "1 with a SACK-permitted option, else 0"},
	tcpTS:       {"tcp_ts", "1 with a timestamps option, else 0"},
	tcpOpts:     {"tcp_opts", "number of TCP options, NOPs counted, end-of-list not"},
	tcpOptOrder: {"tcp_opt_order", "the first six options as base-8 digits, the first option the lowest: 1 NOP, 2 MSS, 3 window scale, 4 SACK permitted, 5 SACK, 6 timestamps, 7 any other"},
	tcpSACKs:    {"tcp_sacks", "SACK blocks"},
	udpLen:      {"udp_len", "UDP length field"},
	icmpType:    {"icmp_type", "ICMP or ICMPv6 type"},
	icmpCode:    {"icmp_code", "ICMP or ICMPv6 code"},
}
