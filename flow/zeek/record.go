// Package zeek turns the bytes that the Zeek package writes into records, and back.
//
// It is pure: no Kafka, no clock, no state between records but a scratch buffer.
package zeek

import "net/netip"

// Kind tells the records of one stream apart.
type Kind uint8

const (
	// Other is a well-formed record of another log (conn, dns ...): passed by and
	// counted. Its Record has no more than a UID, and that only where it has a good one.
	Other Kind = iota
	// Packet is written for each of a flow's first packets ("ev":"pkt").
	Packet
	// End is written when Zeek forgets the flow ("ev":"end").
	End
	// Conn is a record of Zeek's conn.log: a connection that is over. Only a
	// Decoder that is told to reads them; to others they are Other.
	Conn
)

// IP protocol numbers that a record can name.
const (
	ICMP   = 1
	TCP    = 6
	UDP    = 17
	ICMPv6 = 58
)

// Absent stands in an integer field that the record does not have.
const Absent = -1

// Caps that hold whatever a record says; the first four unless Limits say otherwise.
const (
	MaxRecord = 256 << 10 // bytes of a record with all that lies around it
	MaxDepth  = 16        // nesting of fields that we do not know
	MaxKeys   = 512       // keys of a record
	MaxString = 16 << 10  // bytes of a string
	MaxUID    = 64        // bytes of a uid
	MaxSensor = 255       // bytes of a sensor's name
	MaxWords  = 255       // bytes of a text of conn.log: its service, state or history
	MaxHdr    = 255       // header bytes of one packet
)

// Why says why a packet record's header bytes are missing or short ("hdr_why").
type Why uint8

const (
	Whole   Why = iota // nothing is missing, or the record does not say
	Frag               // the packet was reassembled from fragments
	Tunnel             // the packet lay in a tunnel
	L2                 // no IP header was found in the frame
	Snap               // the capture was cut inside the headers
	numWhys = iota
)

// String gives the record's word for it, empty for Whole.
func (w Why) String() string {
	return [numWhys]string{"", "frag", "tunnel", "l2", "snap"}[w]
}

// Record is one packet or end record of a flow.
//
// UID, Sensor and Hdr alias the decoder's input or scratch: they hold until the
// next Decode, and whoever keeps them copies them.
type Record struct {
	Kind   Kind
	TS     int64 // microseconds since the Unix epoch; in an end record, of the flow's last packet
	UID    []byte
	Sensor []byte         // empty where the record names none
	Orig   netip.AddrPort // not valid in an end record of the compact form
	Resp   netip.AddrPort
	Proto  uint8 // IP protocol number; 0 for one that Zeek does not name

	// In a packet record.
	N          uint32 // the packet's place in the flow, from 1, both directions together
	FromOrig   bool   // sent by the originator
	Hdr        []byte // IP header and TCP, UDP or ICMP header with options; no payload
	HdrWhy     Why    // why Hdr is missing or short
	IPLen      int32  // bytes; Absent where the record lacks it, as the next four
	PayloadLen int32  // bytes
	TTL        int16
	Flags      int16 // TCP flags, CWR to FIN
	Window     int32

	// In a record of conn.log; it aliases the Decoder as UID does.
	Conn *ConnFields

	// In an end record.
	Sent   uint32 // packet records written for the flow; 0 where the record lacks it
	Closed bool   // the connection was torn down by FIN or RST (conn_state), not forgotten in silence
}

// ConnFields are what conn.log says of a connection beyond its endpoints. A
// number that the record lacks is Absent, a text empty.
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
