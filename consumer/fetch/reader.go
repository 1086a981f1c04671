package fetch

import (
	"bufio"
	"context"
	"fmt"
	"io"
)

// Limits of one record. They hold whatever the log says.
type Limits struct {
	Value   int // bytes of a record's value; a record with a longer one is an Error
	Excerpt int // bytes that a Record holds of what is an Error, at most
}

// Record is a record of a partition's log, or what of the log cannot be read.
type Record struct {
	Offset int64
	Last   int64  // the last offset that it covers: Offset, or more for the records of a batch that cannot be read
	Value  []byte // valid until the next record is read; of a batch its bytes as they are in the log
	Size   int    // bytes of the whole value; Value may be only its beginning
	Err    *Error // why it cannot be read; nil for a good record
}

// Response is what a Fetch response says apart from its records.
type Response struct {
	Error int16 // Kafka's error code; 0 for none
	High  int64 // offset after the last record that can be read: the high watermark
	Size  int   // bytes of the batches, as they are compressed
}

// Reader reads the Fetch responses of one connection. It is for one goroutine.
type Reader struct {
	limits Limits
	src    *bufio.Reader

	next       int64 // offset after all that was read: records before it are skipped
	high       int64
	newest     int64
	remaining  int  // bytes of the response that are not read yet
	firstBatch bool // no batch of the response was read yet

	batch    batch
	unpack   unpacker
	reserved int64  // bytes of memory reserved for the batch
	buf      []byte // is used again for each batch
	headErr  error  // why the response's header could not be read
}

// NewReader builds a reader that shares memory with others.
func NewReader(limits Limits, memory *Memory) *Reader {
	return &Reader{limits: limits, src: bufio.NewReaderSize(nil, 64<<10), unpack: unpacker{memory: memory}}
}

// Reset prepares for a new connection, and releases the shared memory.
func (r *Reader) Reset(src io.Reader) {
	r.endBatch()
	r.remaining = 0
	r.src.Reset(src)
}

// Newest is when the newest record of the last batch that was opened was written, in
// milliseconds since the Unix epoch; 0 before the first one.
func (r *Reader) Newest() int64 { return r.newest }

// Offset is the offset after all records that were read: where to go on.
func (r *Reader) Offset() int64 { return r.next }

// Next reads the next record into rec, or what cannot be read. The error is io.EOF at the
// end of the response. After any other error the connection must be closed. Next waits for
// memory until ctx is done.
func (r *Reader) Next(ctx context.Context, rec *Record) error {
	for {
		for r.batch.remaining > 0 {
			if err := r.batch.record(rec, &r.limits); err != nil {
				r.rejectRemainder(rec, err)
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
		if r.remaining == 0 {
			return io.EOF
		}
		if bad, err := r.open(ctx, rec); bad || err != nil {
			return err
		}
	}
}

// open reads the next batch. It reports true where the batch cannot be read; rec says why.
func (r *Reader) open(ctx context.Context, rec *Record) (bad bool, err error) {
	start, err := r.src.Peek(min(r.remaining, headerSize+32))
	if err != nil {
		return false, readError("batch", err)
	}
	if len(start) < minHeaderSize {
		return false, r.skipTruncated()
	}
	h := parseHeader(start)
	switch {
	case h.size < minHeaderSize:
		return false, fmt.Errorf("fetch: the batch at offset %d says that it has %d bytes", h.base, h.size)
	case h.size > r.remaining:
		return false, r.skipTruncated()
	case h.format != 2:
		return r.rejectUnopened(rec, h, newError(BadFormat, "message format %d: only 2, of Kafka 0.11 and later, is read", h.format))
	case h.size > maxPacked:
		return r.rejectUnopened(rec, h, newError(BatchTooLarge, "it has %d bytes, at most %d", h.size, maxPacked))
	case h.size < headerSize:
		return r.rejectUnopened(rec, h, newError(Malformed, "it has %d bytes, less than its head", h.size))
	}
	room := max(0, int64(h.size-smallBatch)) + unpackMemory(h.codec, start[headerSize:min(h.size, len(start))])
	if err := r.unpack.memory.reserve(ctx, room); err != nil {
		return false, fmt.Errorf("fetch: wait for memory for a batch: %w", err)
	}
	r.reserved = room
	b := &r.batch
	b.header, b.next, b.toSkip = h, h.base, 0
	b.raw = r.buffer(h.size)
	if err := r.read(b.raw); err != nil {
		return false, err
	}
	return r.begin(rec)
}

// begin prepares to read the records of a batch whose bytes are there.
func (r *Reader) begin(rec *Record) (bad bool, err error) {
	b := &r.batch
	switch {
	case checksum(b.raw) != b.header.crc:
		if r.remaining < minHeaderSize && !r.firstBatch {
			// Its own offsets may be wrong too. Where it ends is told by the batch after it:
			// the next fetch brings that one.
			r.endBatch()
			return false, r.skipTruncated()
		}
		*rec = r.rejectBatch(b.header, b.raw, newError(BadCRC, "its checksum is not that of its bytes"))
		r.endBatch()
		return true, nil
	case b.header.delta < 0 || b.header.count < 0 || int64(b.header.count) > int64(b.header.delta)+1 || b.header.base+int64(b.header.delta) < b.header.base:
		*rec = r.rejectBatch(b.header, b.raw, newError(Malformed, "%d records in the offsets to %d", b.header.count, b.header.delta))
		r.endBatch()
		return true, nil
	}
	r.firstBatch, r.newest = false, b.header.newest
	if b.header.control || b.last() < r.next {
		return false, nil // remaining is 0: Next goes on after it
	}
	b.remaining = b.header.count
	src, all, failed := r.unpack.begin(b.header.codec, b.raw[headerSize:])
	if failed != nil {
		r.rejectRemainder(rec, unpackError(failed))
		return true, nil
	}
	b.window.reset(src, all)
	return false, nil
}

// buffer returns a buffer for a batch.
func (r *Reader) buffer(size int) []byte {
	if cap(r.buf) < size {
		r.buf = make([]byte, size+size/4)
	}
	return r.buf[:size]
}

// endBatch releases what the batch needed. It does not keep a large buffer.
func (r *Reader) endBatch() {
	if r.batch.raw == nil {
		return
	}
	if len(r.batch.raw) > smallBatch {
		r.buf = nil
	}
	r.batch.raw, r.batch.remaining = nil, 0
	r.unpack.end()
	r.unpack.memory.release(r.reserved)
	r.reserved = 0
}
