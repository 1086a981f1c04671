// Package fetch turns the bytes of Kafka's Fetch responses into records.
//
// A batch is unpacked as a stream, through a window of about a record, so it does not
// matter how large a batch becomes. What cannot be read is handed over in its place, with
// its bytes and the reason, and reading goes on behind it.
//
// It is pure: a reader of bytes, no Kafka, no clock.
package fetch

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits hold whatever a log says.
type Limits struct {
	Value int // bytes of a record's value; a longer one cannot be taken
	Keep  int // bytes that are kept of what cannot be taken
}

// Record is a record, or what cannot be taken of a partition's log.
type Record struct {
	Offset int64
	Last   int64  // the last offset that it spans: Offset, but for what is left of a batch
	Value  []byte // holds until the next record is read; of a batch its bytes as they lay in the log
	Size   int    // bytes of the whole value: Value may be only its beginning
	Err    *Error // why it cannot be taken; nil for a record that can
}

// Response is what a Fetch response says beside its records.
type Response struct {
	Error int16 // Kafka's error code; 0 for none
	High  int64 // offset behind the last record that can be read
	Size  int   // bytes of the records, as they are packed
}

// Reader reads the Fetch responses of one connection. It belongs to one goroutine.
type Reader struct {
	limits Limits
	src    *bufio.Reader

	next   int64 // offset behind all that was read: records before it are passed over
	high   int64
	newest int64
	left   int  // bytes of the response not read yet
	first  bool // no batch of it was read yet

	batch  batch
	unpack unpacker
	held   int64  // room taken for the batch
	spare  []byte // what the last one lay in
	failed error  // why the response's head could not be read
}

// NewReader builds a reader that shares memory with others.
func NewReader(limits Limits, memory *Memory) *Reader {
	return &Reader{limits: limits, src: bufio.NewReaderSize(nil, 64<<10), unpack: unpacker{memory: memory}}
}

// Reset makes ready for a new connection, and gives back what is shared.
func (r *Reader) Reset(src io.Reader) {
	r.endBatch()
	r.left = 0
	r.src.Reset(src)
}

// Newest is when the newest record of the last batch that was opened was written, in
// milliseconds since the Unix epoch; 0 before the first one.
func (r *Reader) Newest() int64 { return r.newest }

// Offset is behind all records that were read: where to go on.
func (r *Reader) Offset() int64 { return r.next }

// errResponse is the error of what is no response at all.
var errResponse = errors.New("fetch: not the response that was asked for")

// Begin reads the response to a request up to its records. After an error the
// connection is of no use any more.
func (r *Reader) Begin(q *Request) (Response, error) {
	r.endBatch()
	r.next, r.first = q.Offset, true
	r.left, r.failed = 4, nil
	r.left = int(int32(r.uint32()))
	if id := r.uint32(); id != uint32(q.Correlation) || r.left < 0 {
		return Response{}, r.broken()
	}
	r.skip(4) // throttled for
	var res Response
	if q.Version >= New {
		res.Error = int16(r.uint16())
		r.skip(4) // session
	}
	if topics := r.uint32(); topics == 0 && res.Error != 0 && r.left == 0 {
		return res, nil
	} else if topics != 1 {
		return res, r.broken()
	}
	r.skip(int(r.uint16()))
	if partitions, id := r.uint32(), r.uint32(); partitions != 1 || id != uint32(q.Partition) {
		return res, r.broken()
	}
	if code := int16(r.uint16()); code != 0 {
		res.Error = code
	}
	res.High = int64(r.uint64())
	r.skip(8) // last stable offset
	if q.Version >= New {
		r.skip(8) // where the log starts
	}
	if aborted := int32(r.uint32()); aborted > 0 {
		r.skip(16 * int(aborted))
	}
	if size := int(int32(r.uint32())); max(size, 0) != r.left {
		return res, r.broken()
	}
	r.high, res.Size = res.High, r.left
	return res, nil
}

// broken is the error of a response that does not hold together, or was cut.
func (r *Reader) broken() error {
	r.left = 0
	return cmp.Or(r.failed, errResponse)
}

// Next reads the next record into rec, or what cannot be taken. io.EOF: the
// response is read to its end. After another error the connection is of no use
// any more. It waits for memory until ctx is done.
func (r *Reader) Next(ctx context.Context, rec *Record) error {
	for {
		for r.batch.left > 0 {
			if err := r.batch.record(rec, &r.limits); err != nil {
				r.rest(rec, err)
				return nil
			}
			if rec.Offset >= r.next {
				r.next = rec.Last + 1
				return nil
			}
		}
		if r.batch.raw != nil {
			r.next = max(r.next, r.batch.last()+1)
			r.endBatch()
		}
		if r.left == 0 {
			return io.EOF
		}
		if bad, err := r.open(ctx, rec); bad || err != nil {
			return err
		}
	}
}

// open reads the next batch. bad: it cannot be taken, and rec says why.
func (r *Reader) open(ctx context.Context, rec *Record) (bad bool, err error) {
	start, err := r.src.Peek(min(r.left, headSize+32))
	if err != nil {
		return false, readError("batch", err)
	}
	if len(start) < shortHead {
		return false, r.partial()
	}
	h := parseHead(start)
	switch {
	case h.size < shortHead:
		return false, fmt.Errorf("fetch: the batch at offset %d says that it has %d bytes", h.base, h.size)
	case h.size > r.left:
		return false, r.partial()
	case h.format != 2:
		return r.unread(rec, h, refuse(BadFormat, "message format %d: only 2, of Kafka 0.11 and later, is read", h.format))
	case h.size > maxPacked:
		return r.unread(rec, h, refuse(BatchTooLarge, "it has %d bytes, at most %d", h.size, maxPacked))
	case h.size < headSize:
		return r.unread(rec, h, refuse(Malformed, "it has %d bytes, less than its head", h.size))
	}
	room := max(0, int64(h.size-small)) + needs(h.codec, start[headSize:min(h.size, len(start))])
	if err := r.unpack.memory.take(ctx, room); err != nil {
		return false, fmt.Errorf("fetch: wait for memory for a batch: %w", err)
	}
	r.held = room
	b := &r.batch
	b.head, b.next, b.behind = h, h.base, 0
	b.raw = r.buffer(h.size)
	if err := r.read(b.raw); err != nil {
		return false, err
	}
	return r.begin(rec)
}

// begin makes ready to read the records of the batch that was read.
func (r *Reader) begin(rec *Record) (bad bool, err error) {
	b := &r.batch
	switch {
	case checksum(b.raw) != b.head.crc:
		if r.left < shortHead && !r.first {
			// What it says of its offsets may be wrong too. Fetched once more, the one
			// behind it tells where it ends.
			r.endBatch()
			return false, r.partial()
		}
		*rec = r.whole(b.head, b.raw, refuse(BadCRC, "its checksum is not that of its bytes"))
		r.endBatch()
		return true, nil
	case b.head.delta < 0 || b.head.count < 0 || int64(b.head.count) > int64(b.head.delta)+1 || b.head.base+int64(b.head.delta) < b.head.base:
		*rec = r.whole(b.head, b.raw, refuse(Malformed, "%d records in the offsets to %d", b.head.count, b.head.delta))
		r.endBatch()
		return true, nil
	}
	r.first, r.newest = false, b.head.newest
	if b.head.control || b.last() < r.next {
		return false, nil // left is 0: Next goes on behind it
	}
	b.left = b.head.count
	src, all, failed := r.unpack.begin(b.head.codec, b.raw[headSize:])
	if failed != nil {
		r.rest(rec, reasonFor(failed))
		return true, nil
	}
	b.window.reset(src, all)
	return false, nil
}

// rest is what is left of the batch, which cannot be read.
func (r *Reader) rest(rec *Record, err *Error) {
	b := &r.batch
	*rec = Record{Offset: max(b.next, r.next), Last: b.last(), Value: b.raw[:min(len(b.raw), r.limits.Keep)], Size: len(b.raw), Err: err}
	r.next = max(r.next, b.last()+1)
	b.left = 0
}

// unread is a batch that is not even read as a whole.
func (r *Reader) unread(rec *Record, h head, err *Error) (bool, error) {
	kept := make([]byte, min(h.size, r.limits.Keep))
	if failed := r.read(kept); failed != nil {
		return false, failed
	}
	if failed := r.discard(h.size - len(kept)); failed != nil {
		return false, failed
	}
	*rec = r.whole(h, kept, err)
	return true, nil
}

// whole is a batch of which nothing can be read, nor its head be trusted: where it
// ends is where the next one begins.
func (r *Reader) whole(h head, raw []byte, err *Error) Record {
	last := h.base + int64(max(h.delta, 0))
	if start, failed := r.src.Peek(min(r.left, 8)); failed == nil && len(start) == 8 {
		if next := int64(binary.BigEndian.Uint64(start)); next > h.base {
			last = next - 1
		}
	}
	last = max(min(last, r.high-1), h.base, r.next)
	rec := Record{Offset: max(h.base, r.next), Last: last, Value: raw[:min(len(raw), r.limits.Keep)], Size: h.size, Err: err}
	r.first, r.next = false, last+1
	return rec
}

// partial passes over a batch that the broker cut off; it comes whole when it is
// asked for.
func (r *Reader) partial() error {
	if r.first {
		return fmt.Errorf("fetch: the broker gave only %d bytes of the batch at offset %d", r.left, r.next)
	}
	if err := r.discard(r.left); err != nil {
		return err
	}
	return io.EOF
}
