// Package rerun labels records that are held in memory, each time by another cascade.
//
// The flows are put together and decided by the serving code itself, as serveflow replay does it:
// nothing here knows a rule of the cascade.
package rerun

import (
	"bytes"

	"github.com/serveflow/serveflow/flow/zeek"
)

// chunk is the memory that is taken at once for records, in bytes.
const chunk = 1 << 20

// Records are records in the order in which they came, held in memory: some 400 bytes a packet.
type Records struct {
	decoder zeek.Decoder
	record  zeek.Record
	all     [][]byte
	free    []byte // of the last chunk
}

// NewRecords makes an empty list. conns: they are those of conn.log.
func NewRecords(conns bool, limits zeek.Limits) *Records {
	return &Records{decoder: zeek.Decoder{Conns: conns, Limits: limits}}
}

// Add adds a copy of a record's bytes. The error is a *zeek.Error: the record is bad, and left out.
func (r *Records) Add(line []byte) error {
	if err := r.decoder.Decode(line, &r.record); err != nil {
		return err
	}
	if len(line) > len(r.free) {
		r.free = make([]byte, max(chunk, len(line)))
	}
	n := copy(r.free, bytes.TrimSpace(line))
	r.all, r.free = append(r.all, r.free[:n:n]), r.free[n:]
	return nil
}

// Len is how many records there are.
func (r *Records) Len() int { return len(r.all) }
