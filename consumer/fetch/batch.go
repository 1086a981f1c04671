package fetch

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	// headerSize is the bytes before a batch's records.
	headerSize = 61
	// minHeaderSize is the bytes that batches of every format begin with: offset, length,
	// a field of four bytes, and the format.
	minHeaderSize = 17
)

// header is the header of a batch.
type header struct {
	base   int64 // offset of its first record
	size   int   // bytes of the batch, with the header
	format int8
	crc    uint32
	// The others are of format 2 only.
	codec   int
	control bool // markers of transactions, no records
	delta   int32
	newest  int64 // time of its newest record, milliseconds since the Unix epoch
	count   int32
}

func parseHeader(b []byte) header {
	be := binary.BigEndian
	h := header{base: int64(be.Uint64(b)), size: 12 + int(int32(be.Uint32(b[8:]))), format: int8(b[16])}
	if h.format != 2 || len(b) < headerSize {
		return h
	}
	attributes := be.Uint16(b[21:])
	h.crc = be.Uint32(b[17:])
	h.codec, h.control = int(attributes&7), attributes&0x20 != 0
	h.delta, h.newest, h.count = int32(be.Uint32(b[23:])), int64(be.Uint64(b[35:])), int32(be.Uint32(b[57:]))
	return h
}

// checksum is the crc that a batch of these bytes must have.
func checksum(batch []byte) uint32 { return crc32.Checksum(batch[21:], castagnoli) }

// castagnoli is never written to.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batch is a batch that is read record by record.
type batch struct {
	header    header
	raw       []byte // as it is in the log
	remaining int32  // records not read yet
	next      int64  // offset after the last record that was read
	toSkip    int    // bytes to skip before the next record
	window    window
}

func (b *batch) last() int64 { return b.header.base + int64(b.header.delta) }

// record reads the next record. An error is of the batch: none of its further records can
// be read.
func (b *batch) record(rec *Record, limits *Limits) *Error {
	w := &b.window
	if b.toSkip > 0 {
		if !w.skip(b.toSkip) {
			return unpackError(w.err)
		}
		b.toSkip = 0
	}
	size, ok := w.varint()
	switch {
	case !ok:
		return unpackError(w.err)
	case size < 0 || size > 1<<31:
		return newError(Malformed, "a record of %d bytes", size)
	case size > int64(limits.Value+recordOverhead):
		return b.longRecord(rec, limits, int(size))
	case !w.fill(int(size)):
		return unpackError(w.err)
	}
	body := w.buf[w.from : w.from+int(size)]
	w.from += int(size)
	return b.parse(rec, limits, body)
}

// recordOverhead is how many bytes a record may have apart from its value, if it is to be
// parsed as a whole.
const recordOverhead = 16 << 10

// parse parses a record that is in memory as a whole. It does not look at its headers.
func (b *batch) parse(rec *Record, limits *Limits, body []byte) *Error {
	at := 1 // the attributes, of which none is used
	next := func() int64 {
		if at < 0 || at > len(body) {
			at = -1
			return 0
		}
		v, n := varint(body[at:])
		if at += n; n <= 0 {
			at = -1
		}
		return v
	}
	next() // timestamp
	delta, key := next(), next()
	if at < 0 || key > int64(len(body)-at) {
		return newError(Malformed, "a record's parts are longer than it is")
	}
	at += int(max(key, 0))
	size := next()
	if at < 0 || size > int64(len(body)-at) {
		return newError(Malformed, "a record's parts are longer than it is")
	}
	if err := b.setOffset(rec, delta); err != nil {
		return err
	}
	if size < 0 {
		rec.Err = newError(Tombstone, "a record without a value")
		return nil
	}
	rec.Value, rec.Size = body[at:at+int(size)], int(size)
	if rec.Size > limits.Value {
		b.cutValue(rec, limits)
	}
	return nil
}

// setOffset gives the record its offset, which must leave room for the records after it.
func (b *batch) setOffset(rec *Record, delta int64) *Error {
	offset := b.header.base + delta
	if delta < 0 || offset < b.next || offset > b.last()-int64(b.remaining-1) {
		return newError(Malformed, "a record of offset %d behind %d, with %d more to %d", offset, b.next-1, b.remaining-1, b.last())
	}
	*rec = Record{Offset: offset, Last: offset}
	b.next = offset + 1
	b.remaining--
	return nil
}

// cutValue rejects a record whose value is too long, and cuts the value to the excerpt.
func (b *batch) cutValue(rec *Record, limits *Limits) {
	rec.Value = rec.Value[:min(len(rec.Value), limits.Excerpt)]
	rec.Err = newError(TooLong, "%d bytes, at most %d", rec.Size, limits.Value)
}

// longRecord reads a record that is too large to be parsed as a whole: of its value, the
// excerpt. What follows is skipped before the next record.
func (b *batch) longRecord(rec *Record, limits *Limits, size int) *Error {
	w := &b.window
	end := w.consumed() + size
	ok := w.skip(1)
	var timestamp, delta, key, value int64
	for _, number := range []*int64{&timestamp, &delta, &key} {
		if ok {
			*number, ok = w.varint()
		}
	}
	if ok && key > int64(size) {
		return newError(Malformed, "a record's parts are longer than it is")
	}
	if ok = ok && w.skip(int(max(key, 0))); ok {
		value, ok = w.varint()
	}
	n := int(max(value, 0))
	if n > limits.Value {
		n = min(n, limits.Excerpt)
	}
	switch {
	case !ok || !w.fill(n):
		return unpackError(w.err)
	case value > int64(end-w.consumed()):
		return newError(Malformed, "a record's parts are longer than it is")
	}
	if err := b.setOffset(rec, delta); err != nil {
		return err
	}
	rec.Value, rec.Size = w.buf[w.from:w.from+n], int(max(value, 0))
	w.from += n
	b.toSkip = end - w.consumed()
	switch {
	case value < 0:
		rec.Value, rec.Err = nil, newError(Tombstone, "a record without a value")
	case rec.Size > limits.Value:
		b.cutValue(rec, limits)
	}
	return nil
}
