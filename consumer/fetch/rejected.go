package fetch

import (
	"encoding/binary"
	"fmt"
	"io"
)

// rejectRemainder makes one rejected record of the batch's records that are not read yet.
func (r *Reader) rejectRemainder(rec *Record, err *Error) {
	b := &r.batch
	*rec = Record{Offset: max(b.next, r.next), Last: b.last(), Value: b.raw[:min(len(b.raw), r.limits.Excerpt)], Size: len(b.raw), Err: err}
	r.next = max(r.next, b.last()+1)
	b.remaining = 0
}

// rejectUnopened skips a batch of which only the header is looked at, and rejects it.
func (r *Reader) rejectUnopened(rec *Record, h header, err *Error) (bool, error) {
	excerpt := make([]byte, min(h.size, r.limits.Excerpt))
	if failed := r.read(excerpt); failed != nil {
		return false, failed
	}
	if failed := r.discard(h.size - len(excerpt)); failed != nil {
		return false, failed
	}
	*rec = r.rejectBatch(h, excerpt, err)
	return true, nil
}

// rejectBatch makes one rejected record of a whole batch. The batch's own header may be
// wrong, so the batch ends where the next one begins, if that one is there.
func (r *Reader) rejectBatch(h header, raw []byte, err *Error) Record {
	last := h.base + int64(max(h.delta, 0))
	if start, failed := r.src.Peek(min(r.remaining, 8)); failed == nil && len(start) == 8 {
		if next := int64(binary.BigEndian.Uint64(start)); next > h.base {
			last = next - 1
		}
	}
	last = max(min(last, r.high-1), h.base, r.next)
	rec := Record{Offset: max(h.base, r.next), Last: last, Value: raw[:min(len(raw), r.limits.Excerpt)], Size: h.size, Err: err}
	r.firstBatch, r.next = false, last+1
	return rec
}

// skipTruncated skips a batch that the broker cut off at the end of the response. The next
// request asks for it, and it then comes first: the broker sends a first batch whole.
func (r *Reader) skipTruncated() error {
	if r.firstBatch {
		return fmt.Errorf("fetch: the broker gave only %d bytes of the batch at offset %d", r.remaining, r.next)
	}
	if err := r.discard(r.remaining); err != nil {
		return err
	}
	return io.EOF
}
