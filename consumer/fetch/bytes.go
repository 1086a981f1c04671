package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// readError wraps the error of a connection. A connection that ended is not io.EOF, which
// is the end of a response.
func readError(what string, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("fetch: read a %s: %w", what, err)
}

// read fills b from the response.
func (r *Reader) read(b []byte) error {
	r.left -= len(b)
	if _, err := io.ReadFull(r.src, b); err != nil {
		return readError("response", err)
	}
	return nil
}

// buffer gives room for a batch.
func (r *Reader) buffer(size int) []byte {
	if cap(r.spare) < size {
		r.spare = make([]byte, size+size/4)
	}
	return r.spare[:size]
}

// endBatch hands back what the batch needed. A large buffer is not kept.
func (r *Reader) endBatch() {
	if r.batch.raw == nil {
		return
	}
	if len(r.batch.raw) > small {
		r.spare = nil
	}
	r.batch.raw, r.batch.left = nil, 0
	r.unpack.end()
	r.unpack.memory.give(r.held)
	r.held = 0
}

// discard passes over n bytes of the response.
func (r *Reader) discard(n int) error {
	r.left -= n
	if _, err := io.CopyN(io.Discard, r.src, int64(n)); err != nil {
		return readError("response", err)
	}
	return nil
}

// take reads n bytes of the response's head, at most 8; zeros where it is cut,
// which nothing that is asked for consists of.
func (r *Reader) take(n int) []byte {
	var none [8]byte
	if n > r.left {
		r.left = -1
		return none[:n]
	}
	b, err := r.src.Peek(n)
	if err != nil {
		r.left, r.failed = -1, readError("response", err)
		return none[:n]
	}
	r.src.Discard(n)
	r.left -= n
	return b
}

func (r *Reader) skip(n int) {
	if n > r.left {
		r.left = -1
		return
	}
	if err := r.discard(n); err != nil {
		r.left, r.failed = -1, err
	}
}

func (r *Reader) uint16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *Reader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *Reader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }
