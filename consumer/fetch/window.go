package fetch

import "io"

// windowBytes is the size of a window. A block of lz4 is unpacked straight into it, after
// what is left of the block before.
const windowBytes = 128 << 10

// window is the part of a batch's unpacked records that is in memory. It moves over the
// stream, so that no batch is ever in memory as a whole.
type window struct {
	src      io.Reader // nil where all bytes are in buf
	buf      []byte
	from, to int // the bytes of buf that are not read yet
	dropped  int // bytes that were read and are no longer in buf
	budget   int // bytes that may still be unpacked
	err      error

	streamBuf []byte // buf where there is a stream
}

// reset begins a stream, or all bytes of a batch.
func (w *window) reset(src io.Reader, all []byte) {
	buf := w.streamBuf
	if len(buf) > 4*windowBytes { // it has grown for a rare record
		buf = nil
	}
	*w = window{src: src, buf: all, to: len(all), budget: maxUnpacked, streamBuf: buf}
	if src == nil {
		return
	}
	if buf == nil {
		w.streamBuf = make([]byte, windowBytes)
	}
	w.buf, w.to = w.streamBuf, 0
}

// fill unpacks until n bytes can be read. Where there are fewer it reports false, and err
// says why.
func (w *window) fill(n int) bool { return w.to-w.from >= n || w.unpack(n) }

func (w *window) unpack(n int) bool {
	if w.src == nil && w.err == nil {
		w.err = io.EOF
	}
	if w.err != nil {
		return false
	}
	w.dropped += w.from
	w.to = copy(w.buf, w.buf[w.from:w.to])
	w.from = 0
	if n > len(w.buf) {
		w.streamBuf = append(make([]byte, 0, n+windowBytes), w.buf[:w.to]...)[:n+windowBytes]
		w.buf = w.streamBuf
	}
	for empty := 0; w.to < n && w.err == nil; {
		if w.budget == 0 {
			w.err = newError(BatchTooLarge, "it unpacks to more than %d bytes", maxUnpacked)
			break
		}
		var got int
		got, w.err = w.src.Read(w.buf[w.to:min(len(w.buf), w.to+w.budget)])
		w.to += got
		w.budget -= got
		if empty++; got > 0 {
			empty = 0
		} else if empty > 100 && w.err == nil {
			w.err = io.ErrNoProgress
		}
	}
	return w.to >= n
}

// consumed is how many bytes were read.
func (w *window) consumed() int { return w.dropped + w.from }

// skip skips n bytes. Where they are more than may be unpacked, it does not begin.
func (w *window) skip(n int) bool {
	if here := w.to - w.from; n > here+w.budget && w.src != nil {
		w.err = newError(BatchTooLarge, "it unpacks to more than %d bytes", maxUnpacked)
		return false
	}
	for n > 0 {
		if !w.fill(1) {
			return false
		}
		step := min(n, w.to-w.from)
		w.from += step
		n -= step
	}
	return true
}

// varint reads a zigzag number of at most 64 bits. A number at the end of the stream may
// be shorter than maxVarint.
func (w *window) varint() (int64, bool) {
	w.fill(maxVarint)
	v, n := varint(w.buf[w.from:w.to])
	if n <= 0 {
		if w.err == nil || n < 0 {
			w.err = newError(Malformed, "a number has more than 64 bits")
		}
		return 0, false
	}
	w.from += n
	return v, true
}

const maxVarint = 10

// varint decodes a zigzag number, and how many bytes it takes: 0 where b ends within the
// number, negative where the number has more than 64 bits.
func varint(b []byte) (int64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return int64(b[0]>>1) ^ -int64(b[0]&1), 1
	}
	var u uint64
	for i, c := range b {
		if i == maxVarint || i == maxVarint-1 && c > 1 {
			return 0, -1
		}
		u |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
	}
	return 0, 0
}
