package nprint

import "strconv"

// The headers whose bits are features.
const (
	ipv4Region = iota
	tcpRegion
	udpRegion
	regions
)

// bitField is one field of a header. It has a feature for each bit; name_0 is the most
// significant.
type bitField struct {
	region  int
	name    string
	width   int // bits
	meaning string
}

// bitSchema is nPrint's layout. In each region the fields follow each other without a gap,
// so the order in this table gives each bit's position in the header.
var bitSchema = [...]bitField{
	{ipv4Region, "ipv4_ver", 4, "IPv4 version"},
	{ipv4Region, "ipv4_hl", 4, "IPv4 header length, 32-bit words"},
	{ipv4Region, "ipv4_tos", 8, "IPv4 type of service"},
	{ipv4Region, "ipv4_tl", 16, "IPv4 total length"},
	{ipv4Region, "ipv4_id", 16, "IPv4 identification"},
	{ipv4Region, "ipv4_rbit", 1, "IPv4 reserved bit"},
	{ipv4Region, "ipv4_dfbit", 1, "IPv4 don't fragment"},
	{ipv4Region, "ipv4_mfbit", 1, "IPv4 more fragments"},
	{ipv4Region, "ipv4_foff", 13, "IPv4 fragment offset"},
	{ipv4Region, "ipv4_ttl", 8, "IPv4 time to live"},
	{ipv4Region, "ipv4_proto", 8, "IPv4 protocol"},
	{ipv4Region, "ipv4_cksum", 16, "IPv4 header checksum"},
	{ipv4Region, "ipv4_src", 32, "IPv4 source address"},
	{ipv4Region, "ipv4_dst", 32, "IPv4 destination address"},
	{ipv4Region, "ipv4_opt", 320, "IPv4 options"},
	{tcpRegion, "tcp_sprt", 16, "TCP source port"},
	{tcpRegion, "tcp_dprt", 16, "TCP destination port"},
	{tcpRegion, "tcp_seq", 32, "TCP sequence number"},
	{tcpRegion, "tcp_ackn", 32, "TCP acknowledgement number"},
	{tcpRegion, "tcp_doff", 4, "TCP data offset, 32-bit words"},
	{tcpRegion, "tcp_res", 3, "TCP reserved bits"},
	{tcpRegion, "tcp_ns", 1, "TCP NS flag"},
	{tcpRegion, "tcp_cwr", 1, "TCP CWR flag"},
	{tcpRegion, "tcp_ece", 1, "TCP ECE flag"},
	{tcpRegion, "tcp_urg", 1, "TCP URG flag"},
	{tcpRegion, "tcp_ackf", 1, "TCP ACK flag"},
	{tcpRegion, "tcp_psh", 1, "TCP PSH flag"},
	{tcpRegion, "tcp_rst", 1, "TCP RST flag"},
	{tcpRegion, "tcp_syn", 1, "TCP SYN flag"},
	{tcpRegion, "tcp_fin", 1, "TCP FIN flag"},
	{tcpRegion, "tcp_wsize", 16, "TCP window"},
	{tcpRegion, "tcp_cksum", 16, "TCP checksum"},
	{tcpRegion, "tcp_urp", 16, "TCP urgent pointer"},
	{tcpRegion, "tcp_opt", 320, "TCP options"},
	{udpRegion, "udp_sport", 16, "UDP source port"},
	{udpRegion, "udp_dport", 16, "UDP destination port"},
	{udpRegion, "udp_len", 16, "UDP length"},
	{udpRegion, "udp_cksum", 16, "UDP checksum"},
}

// feature is the name of the field's bit i, without the packet's prefix.
func (f bitField) feature(i int) string { return f.name + "_" + strconv.Itoa(i) }

// bitOp writes one bit of a region to dst[at].
type bitOp struct {
	at    int32
	octet uint8
	shift uint8
}

// bitValue converts a bit to a feature's value. It takes half the time of a conversion.
var bitValue = [2]float32{0, 1}

// readBits writes the bits that the region has. ops must be in the order of octets.
func readBits(dst []float32, ops []bitOp, region []byte) {
	for _, op := range ops {
		if int(op.octet) >= len(region) {
			return
		}
		dst[op.at] = bitValue[region[op.octet]>>(op.shift&7)&1]
	}
}
