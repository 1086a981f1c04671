package fetch

import (
	"encoding/binary"
	"hash/crc32"
)

// headSize is what stands before a batch's records.
const headSize = 61

// shortHead is what batches of every format begin with: offset, length, a field
// of four bytes, and the format.
const shortHead = 17

// head is what a batch says of itself.
type head struct {
	base   int64 // offset of its first record
	size   int   // bytes, with the head
	format int8
	crc    uint32
	// Of format 2 alone.
	codec   int
	control bool // markers of transactions, no records
	delta   int32
	newest  int64 // time of its newest record, milliseconds since the Unix epoch
	count   int32
}

func parseHead(b []byte) head {
	be := binary.BigEndian
	h := head{base: int64(be.Uint64(b)), size: 12 + int(int32(be.Uint32(b[8:]))), format: int8(b[16])}
	if h.format != 2 || len(b) < headSize {
		return h
	}
	attributes := be.Uint16(b[21:])
	h.crc = be.Uint32(b[17:])
	h.codec, h.control = int(attributes&7), attributes&0x20 != 0
	h.delta, h.newest, h.count = int32(be.Uint32(b[23:])), int64(be.Uint64(b[35:])), int32(be.Uint32(b[57:]))
	return h
}

// checksum is what a whole batch's crc must be.
func checksum(batch []byte) uint32 { return crc32.Checksum(batch[21:], castagnoli) }

// castagnoli is never written to.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batch is the one that is being read, record by record.
type batch struct {
	head   head
	raw    []byte // as it lay in the log
	left   int32  // records not read yet
	next   int64  // offset behind the last one read
	behind int    // bytes to pass over before the next record
	window window
}

func (b *batch) last() int64 { return b.head.base + int64(b.head.delta) }

// record reads the next record. The error is of the batch: nothing behind it in
// the batch can be read.
func (b *batch) record(rec *Record, limits *Limits) *Error {
	w := &b.window
	if b.behind > 0 {
		if !w.skip(b.behind) {
			return reasonFor(w.err)
		}
		b.behind = 0
	}
	size, ok := w.varint()
	switch {
	case !ok:
		return reasonFor(w.err)
	case size < 0 || size > 1<<31:
		return refuse(Malformed, "a record of %d bytes", size)
	case size > int64(limits.Value+slack):
		return b.long(rec, limits, int(size))
	case !w.has(int(size)):
		return reasonFor(w.err)
	}
	body := w.buf[w.from : w.from+int(size)]
	w.from += int(size)
	return b.parse(rec, limits, body)
}

// slack is how many bytes a record may have beside its value to be looked at as a
// whole.
const slack = 16 << 10

// parse reads a record that lies there as a whole. Its headers are of no use.
func (b *batch) parse(rec *Record, limits *Limits, body []byte) *Error {
	at := 1 // attributes: none are used
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
		return refuse(Malformed, "a record's parts are longer than it is")
	}
	at += int(max(key, 0))
	size := next()
	if at < 0 || size > int64(len(body)-at) {
		return refuse(Malformed, "a record's parts are longer than it is")
	}
	if err := b.place(rec, delta); err != nil {
		return err
	}
	if size < 0 {
		rec.Err = refuse(Tombstone, "a record without a value")
		return nil
	}
	rec.Value, rec.Size = body[at:at+int(size)], int(size)
	if rec.Size > limits.Value {
		b.tooLong(rec, limits)
	}
	return nil
}

// place gives the record its offset.
func (b *batch) place(rec *Record, delta int64) *Error {
	offset := b.head.base + delta
	if delta < 0 || offset < b.next || offset > b.last()-int64(b.left-1) {
		return refuse(Malformed, "a record of offset %d behind %d, with %d more to %d", offset, b.next-1, b.left-1, b.last())
	}
	*rec = Record{Offset: offset, Last: offset}
	b.next = offset + 1
	b.left--
	return nil
}

func (b *batch) tooLong(rec *Record, limits *Limits) {
	rec.Value = rec.Value[:min(len(rec.Value), limits.Keep)]
	rec.Err = refuse(TooLong, "%d bytes, at most %d", rec.Size, limits.Value)
}

// long reads a record that is too large to be looked at as a whole: as much of
// its value as may be kept. The rest is passed over before the next one.
func (b *batch) long(rec *Record, limits *Limits, size int) *Error {
	w := &b.window
	end := w.at() + size
	ok := w.skip(1)
	var timestamp, delta, key, value int64
	for _, number := range []*int64{&timestamp, &delta, &key} {
		if ok {
			*number, ok = w.varint()
		}
	}
	if ok && key > int64(size) {
		return refuse(Malformed, "a record's parts are longer than it is")
	}
	if ok = ok && w.skip(int(max(key, 0))); ok {
		value, ok = w.varint()
	}
	keep := int(max(value, 0))
	if keep > limits.Value {
		keep = min(keep, limits.Keep)
	}
	switch {
	case !ok || !w.has(keep):
		return reasonFor(w.err)
	case value > int64(end-w.at()):
		return refuse(Malformed, "a record's parts are longer than it is")
	}
	if err := b.place(rec, delta); err != nil {
		return err
	}
	rec.Value, rec.Size = w.buf[w.from:w.from+keep], int(max(value, 0))
	w.from += keep
	b.behind = end - w.at()
	switch {
	case value < 0:
		rec.Value, rec.Err = nil, refuse(Tombstone, "a record without a value")
	case rec.Size > limits.Value:
		b.tooLong(rec, limits)
	}
	return nil
}
