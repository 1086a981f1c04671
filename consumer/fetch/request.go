package fetch

import "encoding/binary"

// Request asks for the records of one partition.
type Request struct {
	Version     int16 // of the Fetch request: Old or New
	Correlation int32 // is repeated in the response
	ClientID    string
	Topic       string
	Partition   int32
	Offset      int64 // of the first record wanted
	MinBytes    int32 // the broker waits until there are so many
	MaxBytes    int32 // at most, except for a first batch that is larger
	MaxWait     int32 // milliseconds that the broker waits for MinBytes
}

// API is the number of Fetch among Kafka's requests.
const API = 1

// Versions of Fetch. Brokers from 2.1 on take New, and send batches of zstd only with it.
// Older brokers take Old.
const (
	Old = 4
	New = 10
)

// Version is the version for a broker that takes those up to newest.
func Version(newest int16) int16 {
	if newest >= New {
		return New
	}
	return Old
}

// Append appends the request as it goes over the wire, with its size first. It asks for
// uncommitted records too: a record of an aborted transaction was a packet nevertheless.
func (q *Request) Append(dst []byte) []byte {
	at := len(dst)
	be := binary.BigEndian
	dst = be.AppendUint32(dst, 0)
	dst = be.AppendUint16(dst, API)
	dst = be.AppendUint16(dst, uint16(q.Version))
	dst = be.AppendUint32(dst, uint32(q.Correlation))
	dst = appendString(dst, q.ClientID)
	dst = be.AppendUint32(dst, ^uint32(0)) // not a replica
	dst = be.AppendUint32(dst, uint32(q.MaxWait))
	dst = be.AppendUint32(dst, uint32(q.MinBytes))
	dst = be.AppendUint32(dst, uint32(q.MaxBytes))
	dst = append(dst, 0) // read uncommitted
	if q.Version >= New {
		dst = be.AppendUint32(dst, 0)          // no session
		dst = be.AppendUint32(dst, ^uint32(0)) // and do not begin one
	}
	dst = be.AppendUint32(dst, 1)
	dst = appendString(dst, q.Topic)
	dst = be.AppendUint32(dst, 1)
	dst = be.AppendUint32(dst, uint32(q.Partition))
	if q.Version >= New {
		dst = be.AppendUint32(dst, ^uint32(0)) // any epoch of the leader
	}
	dst = be.AppendUint64(dst, uint64(q.Offset))
	if q.Version >= New {
		dst = be.AppendUint64(dst, ^uint64(0)) // no log start offset: not a replica
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
