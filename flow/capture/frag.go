package capture

import (
	"container/list"
	"net/netip"
	"slices"
)

// Bounds on fragments that wait for the rest of their datagram.
const (
	fragTimeout  = 300e6 // microseconds, as in Zeek
	maxDatagrams = 4096  // waiting at once; the oldest gives way
	maxPieces    = 1024  // holes of one datagram
	fragHead     = 64    // bytes of a datagram's start that are kept: a transport header
)

// fragments puts datagrams together. It keeps no payload: only which bytes have
// come, and the first ones, where the transport header is.
type fragments struct {
	waiting map[fragKey]*list.Element
	byAge   list.List // of *datagram, the oldest first
}

type fragKey struct {
	src, dst netip.Addr
	id       uint32
}

type datagram struct {
	key    fragKey
	since  int64
	first  packet // of the fragment that came first; its header stands for the datagram's
	header []byte
	proto  uint8 // named by the fragment at offset 0
	head   [fragHead]byte
	got    spans // pieces that have come
	size   int   // of the datagram's body; 0 until the last fragment has come
}

// add takes a fragment. It reports true, and makes p the whole datagram, where
// that was the last one missing.
func (f *fragments) add(p *packet, now int64) bool {
	if p.captured < p.size { // cut: what is missing will never come
		return p.frag.offset == 0
	}
	f.expire(now)
	key := fragKey{p.src, p.dst, p.frag.id}
	at, ok := f.waiting[key]
	if !ok {
		d := &datagram{key: key, since: now, first: *p, header: slices.Clone(p.header)}
		if f.waiting == nil {
			f.waiting = make(map[fragKey]*list.Element)
		}
		at = f.byAge.PushBack(d)
		f.waiting[key] = at
	}
	d := at.Value.(*datagram)
	if !d.add(p) {
		return false
	}
	f.remove(at)
	d.join(p)
	return true
}

// expire forgets datagrams that waited too long, and the oldest beyond the cap.
func (f *fragments) expire(now int64) {
	for at := f.byAge.Front(); at != nil; at = f.byAge.Front() {
		if now-at.Value.(*datagram).since < fragTimeout && f.byAge.Len() < maxDatagrams {
			return
		}
		f.remove(at)
	}
}

func (f *fragments) remove(at *list.Element) {
	delete(f.waiting, at.Value.(*datagram).key)
	f.byAge.Remove(at)
}

// add notes a fragment and reports whether the datagram is whole.
func (d *datagram) add(p *packet) bool {
	start, end := p.frag.offset, p.frag.offset+p.size
	if start == 0 {
		d.proto = p.proto
	}
	if !p.frag.more || d.size > 0 {
		d.size = max(d.size, end)
	}
	if start < fragHead {
		copy(d.head[start:], p.body)
	}
	if start < end && len(d.got) < maxPieces {
		d.got.add(uint64(start), uint64(end))
	}
	return d.size > 0 && len(d.got) > 0 && d.got[0].start == 0 && d.got[0].end >= uint64(d.size)
}

// join makes p, the fragment that came last, the datagram.
func (d *datagram) join(p *packet) {
	ts, frame, offset := p.ts, p.header, p.frag.offset
	size := int(d.got[0].end)
	*p = d.first
	p.ts, p.proto, p.frag = ts, d.proto, fragment{}
	p.header, p.body = d.header, d.head[:min(size, fragHead)]
	p.size, p.captured, p.total = size, size, len(d.header)+size
	if p.src.Is6() {
		p.total -= 8 // the fragment header goes with the fragments
	}
	p.reassembled, p.frame, p.frameFirst = true, frame, offset == 0
}
