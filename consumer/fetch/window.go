package fetch

import "io"

// windowBytes is the size of a window: a block of lz4 is unpacked straight into
// it, beside the rest of the one before.
const windowBytes = 128 << 10

// window is the part of a batch's unpacked records that is looked at. It moves
// over the stream, so that no batch is ever in memory as a whole.
type window struct {
	src      io.Reader // nil where all there is lies in buf
	buf      []byte
	from, to int // what is unpacked and not read yet
	moved    int // bytes that were unpacked and read before buf
	room     int // bytes that may still be unpacked
	err      error

	own []byte // what buf is where there is a stream
}

// reset looks at a stream, or at all that there is.
func (w *window) reset(src io.Reader, all []byte) {
	own := w.own
	if len(own) > 4*windowBytes { // grown for a record that will hardly come again
		own = nil
	}
	*w = window{src: src, buf: all, to: len(all), room: maxUnpacked, own: own}
	if src == nil {
		return
	}
	if own == nil {
		w.own = make([]byte, windowBytes)
	}
	w.buf, w.to = w.own, 0
}

// has reports whether n bytes are there to be read, and unpacks as many. Where it
// reports false, err is why.
func (w *window) has(n int) bool { return w.to-w.from >= n || w.unpack(n) }

func (w *window) unpack(n int) bool {
	if w.src == nil && w.err == nil {
		w.err = io.EOF
	}
	if w.err != nil {
		return false
	}
	w.moved += w.from
	w.to = copy(w.buf, w.buf[w.from:w.to])
	w.from = 0
	if n > len(w.buf) {
		w.own = append(make([]byte, 0, n+windowBytes), w.buf[:w.to]...)[:n+windowBytes]
		w.buf = w.own
	}
	for empty := 0; w.to < n && w.err == nil; {
		if w.room == 0 {
			w.err = refuse(BatchTooLarge, "it unpacks to more than %d bytes", maxUnpacked)
			break
		}
		var got int
		got, w.err = w.src.Read(w.buf[w.to:min(len(w.buf), w.to+w.room)])
		w.to += got
		w.room -= got
		if empty++; got > 0 {
			empty = 0
		} else if empty > 100 && w.err == nil {
			w.err = io.ErrNoProgress
		}
	}
	return w.to >= n
}

// at is how many bytes were read.
func (w *window) at() int { return w.moved + w.from }

// skip passes over n bytes. Where they are more than may be unpacked, it does not
// even begin.
func (w *window) skip(n int) bool {
	if here := w.to - w.from; n > here+w.room && w.src != nil {
		w.err = refuse(BatchTooLarge, "it unpacks to more than %d bytes", maxUnpacked)
		return false
	}
	for n > 0 {
		if !w.has(1) {
			return false
		}
		step := min(n, w.to-w.from)
		w.from += step
		n -= step
	}
	return true
}

// varint reads a zigzag number of at most 64 bits. The last ones may be cut.
func (w *window) varint() (int64, bool) {
	w.has(maxVarint)
	v, n := varint(w.buf[w.from:w.to])
	if n <= 0 {
		if w.err == nil || n < 0 {
			w.err = refuse(Malformed, "a number has more than 64 bits")
		}
		return 0, false
	}
	w.from += n
	return v, true
}

const maxVarint = 10

// varint decodes a zigzag number: how many bytes it took, 0 where it is cut,
// negative where it is none.
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
