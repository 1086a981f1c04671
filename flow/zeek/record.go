// Package zeek decodes the records that the Zeek package writes. It can write them, too.
//
// It is pure: it uses no Kafka and no clock, and keeps nothing between records but a
// scratch buffer.
package zeek

import "net/netip"

// Kind is the kind of a record.
type Kind uint8

const (
	// Other is a record of another log (conn, dns ...). Its Record has no field set but
	// UID, and that only if it is valid.
	Other Kind = iota
	// Packet records are written for the first packets of a flow ("ev":"pkt").
	Packet
	// End records are written when Zeek forgets the flow ("ev":"end").
	End
	// Conn is a record of Zeek's conn.log: a connection that is over. A Decoder returns
	// it only if Decoder.Conns is set; otherwise the record is Other.
	Conn
)

// IP protocol numbers that a record can have.
const (
	ICMP   = 1
	TCP    = 6
	UDP    = 17
	ICMPv6 = 58
)

// Absent is the value of an integer field that the record does not have.
const Absent = -1

// Bounds on what the decoder reads. Limits can change the first four.
const (
	MaxRecord = 256 << 10 // bytes of a record with its envelopes
	MaxDepth  = 16        // how deep objects and arrays may be nested
	MaxKeys   = 512       // keys of a record
	MaxString = 16 << 10  // bytes of a string
	MaxUID    = 64        // bytes of a uid
	MaxSensor = 255       // bytes of a sensor's name
	MaxText   = 255       // bytes of a text of conn.log: its service, state or history
	MaxHdr    = 255       // header bytes of one packet
)

// Why is the reason why the header bytes of a packet record are missing or short
// ("hdr_why").
type Why uint8

const (
	Whole   Why = iota // nothing is missing, or the record does not say
	Frag               // the packet was reassembled from fragments
	Tunnel             // the packet was in a tunnel
	L2                 // no IP header was found in the frame
	Snap               // the capture was cut inside the headers
	numWhys = iota
)

// String returns the record's word for it; empty for Whole.
func (w Why) String() string {
	return [numWhys]string{"", "frag", "tunnel", "l2", "snap"}[w]
}

// Record is one record of a flow.
//
// UID, Sensor and Hdr alias the decoder's input or its scratch buffer. They are valid
// until the next Decode; copy them to keep them.
type Record struct {
	Kind   Kind
	TS     int64 // microseconds since the Unix epoch; in an end record, when the last packet came
	UID    []byte
	Sensor []byte         // empty if the record names none
	Orig   netip.AddrPort // not valid in an end record of the compact form
	Resp   netip.AddrPort
	Proto  uint8 // IP protocol number; 0 if Zeek has no name for it

	// In a packet record.
	N          uint32 // the packet's number in the flow, from 1, both directions together
	FromOrig   bool   // sent by the originator
	Hdr        []byte // IP header and TCP, UDP or ICMP header with options; no payload
	HdrWhy     Why    // why Hdr is missing or short
	IPLen      int32  // bytes; Absent if the record lacks it, as with the next four
	PayloadLen int32  // bytes
	TTL        int16
	Flags      int16 // TCP flags, CWR to FIN
	Window     int32

	// In a record of conn.log. It belongs to the Decoder and is valid as long as UID.
	Conn *ConnFields

	// In an end record.
	Sent   uint32 // packet records that Zeek wrote for the flow; 0 if the record lacks it
	Closed bool   // the connection was closed by FIN or RST (conn_state), and did not just time out
}

// ConnFields are the fields of conn.log beyond those that all records have. A number
// that the record lacks is Absent, a string empty.
type ConnFields struct {
	Duration    int64  // microseconds from the first packet to the last
	OrigBytes   int64  // payload bytes
	RespBytes   int64  // payload bytes
	MissedBytes int64  // bytes that Zeek did not see
	OrigPkts    int64  // packets
	RespPkts    int64  // packets
	OrigIPBytes int64  // bytes with IP headers
	RespIPBytes int64  // bytes with IP headers
	Service     []byte // as Zeek's analyzers name it: "dns", "ssl,http" ...
	State       []byte // conn_state: "SF", "S0" ...
	History     []byte // "ShADadFf" ...
}
