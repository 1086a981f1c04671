package fetch

import "encoding/binary"

// Request asks for the records of one partition.
type Request struct {
	Version     int16 // of the Fetch request: Old or New
	Correlation int32 // comes back in the response
	ClientID    string
	Topic       string
	Partition   int32
	Offset      int64 // of the first record wanted
	MinBytes    int32 // the broker waits for as many
	MaxBytes    int32 // at most, but for a first batch that is larger
	MaxWait     int32 // milliseconds that the broker waits for MinBytes
}

// API is the number of Fetch among Kafka's requests.
const API = 1

// Versions of Fetch that are spoken. New is what brokers from 2.1 on take, and
// without it they give no batch that is packed with zstd. Old is for those before.
const (
	Old = 4
	New = 10
)

// Version gives the version to speak with a broker that takes those up to most.
func Version(most int16) int16 {
	if most >= New {
		return New
	}
	return Old
}

// Append appends the request with its size in front, as it goes over the wire.
// It asks for what is written, committed by a transaction or not: a record that
// an aborted transaction wrote was a packet nevertheless.
func (q *Request) Append(dst []byte) []byte {
	at := len(dst)
	be := binary.BigEndian
	dst = be.AppendUint32(dst, 0)
	dst = be.AppendUint16(dst, API)
	dst = be.AppendUint16(dst, uint16(q.Version))
	dst = be.AppendUint32(dst, uint32(q.Correlation))
	dst = appendString(dst, q.ClientID)
	dst = be.AppendUint32(dst, ^uint32(0)) // no replica
	dst = be.AppendUint32(dst, uint32(q.MaxWait))
	dst = be.AppendUint32(dst, uint32(q.MinBytes))
	dst = be.AppendUint32(dst, uint32(q.MaxBytes))
	dst = append(dst, 0) // read uncommitted
	if q.Version >= New {
		dst = be.AppendUint32(dst, 0)          // no session
		dst = be.AppendUint32(dst, ^uint32(0)) // and none to be made
	}
	dst = be.AppendUint32(dst, 1)
	dst = appendString(dst, q.Topic)
	dst = be.AppendUint32(dst, 1)
	dst = be.AppendUint32(dst, uint32(q.Partition))
	if q.Version >= New {
		dst = be.AppendUint32(dst, ^uint32(0)) // whatever the leader's epoch
	}
	dst = be.AppendUint64(dst, uint64(q.Offset))
	if q.Version >= New {
		dst = be.AppendUint64(dst, ^uint64(0)) // no log of its own
	}
	dst = be.AppendUint32(dst, uint32(q.MaxBytes))
	if q.Version >= New {
		dst = be.AppendUint32(dst, 0) // no forgotten topics
	}
	be.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

func appendString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}
