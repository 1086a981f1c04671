package fetch

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// errResponse says that the bytes are not the response to the request.
var errResponse = errors.New("fetch: not the response that was asked for")

// Begin reads the response to a request, up to its records. After an error the connection
// must be closed.
func (r *Reader) Begin(q *Request) (Response, error) {
	r.endBatch()
	r.next, r.firstBatch = q.Offset, true
	r.remaining, r.headErr = 4, nil
	r.remaining = int(int32(r.uint32()))
	if id := r.uint32(); id != uint32(q.Correlation) || r.remaining < 0 {
		return Response{}, r.responseErr()
	}
	r.skip(4) // throttle time
	var res Response
	if q.Version >= New {
		res.Error = int16(r.uint16())
		r.skip(4) // session
	}
	if topics := r.uint32(); topics == 0 && res.Error != 0 && r.remaining == 0 {
		return res, nil
	} else if topics != 1 {
		return res, r.responseErr()
	}
	r.skip(int(r.uint16()))
	if partitions, id := r.uint32(), r.uint32(); partitions != 1 || id != uint32(q.Partition) {
		return res, r.responseErr()
	}
	if code := int16(r.uint16()); code != 0 {
		res.Error = code
	}
	res.High = int64(r.uint64())
	r.skip(8) // last stable offset
	if q.Version >= New {
		r.skip(8) // first offset of the log
	}
	if aborted := int32(r.uint32()); aborted > 0 {
		r.skip(16 * int(aborted))
	}
	if size := int(int32(r.uint32())); max(size, 0) != r.remaining {
		return res, r.responseErr()
	}
	r.high, res.Size = res.High, r.remaining
	return res, nil
}

// responseErr ends a response whose header is invalid, or could not be read.
func (r *Reader) responseErr() error {
	r.remaining = 0
	return cmp.Or(r.headErr, errResponse)
}

// read fills b from the response.
func (r *Reader) read(b []byte) error {
	r.remaining -= len(b)
	if _, err := io.ReadFull(r.src, b); err != nil {
		return readError("response", err)
	}
	return nil
}

// discard skips n bytes of the response.
func (r *Reader) discard(n int) error {
	r.remaining -= n
	if _, err := io.CopyN(io.Discard, r.src, int64(n)); err != nil {
		return readError("response", err)
	}
	return nil
}

// headBytes reads n bytes of the response's header, at most 8. Where the response ends
// before them it returns zeros, and Begin fails: remaining is then -1.
func (r *Reader) headBytes(n int) []byte {
	var none [8]byte
	if n > r.remaining {
		r.remaining = -1
		return none[:n]
	}
	b, err := r.src.Peek(n)
	if err != nil {
		r.remaining, r.headErr = -1, readError("response", err)
		return none[:n]
	}
	r.src.Discard(n)
	r.remaining -= n
	return b
}

// skip skips n bytes of the response's header.
func (r *Reader) skip(n int) {
	if n > r.remaining {
		r.remaining = -1
		return
	}
	if err := r.discard(n); err != nil {
		r.remaining, r.headErr = -1, err
	}
}

func (r *Reader) uint16() uint16 { return binary.BigEndian.Uint16(r.headBytes(2)) }
func (r *Reader) uint32() uint32 { return binary.BigEndian.Uint32(r.headBytes(4)) }
func (r *Reader) uint64() uint64 { return binary.BigEndian.Uint64(r.headBytes(8)) }

// readError wraps the error of a connection. A connection that ended is not io.EOF, which
// is the end of a response.
func readError(what string, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("fetch: read a %s: %w", what, err)
}
