package capture

import (
	"container/list"
	"net/netip"
	"slices"
)

// Bounds on the datagrams whose fragments have not all come.
const (
	fragTimeout  = 300e6 // microseconds, as in Zeek
	maxDatagrams = 4096  // that wait at once; beyond it the oldest is dropped
	maxRanges    = 1024  // of one datagram
	fragHead     = 512   // bytes that are kept of a datagram's beginning, for the headers in it
)

// fragments reassembles datagrams. It keeps no payload, only which bytes have come, and
// the first ones, with the headers.
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
	first  packet // the fragment that came first; the datagram gets its header
	header []byte
	proto  uint8 // from the fragment at offset 0
	head   [fragHead]byte
	got    rangeSet // bytes that have come
	size   int      // of the datagram's body; 0 until the last fragment has come
}

// add takes a fragment. If it was the last one missing, add turns p into the whole
// datagram and returns true.
func (f *fragments) add(p *packet, now int64) bool {
	if p.captured < p.size { // the capture cut it: the rest will never come
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

// expire drops the datagrams that waited too long, and the oldest ones beyond maxDatagrams.
func (f *fragments) expire(now int64) {
	for at := f.byAge.Front(); at != nil; at = f.byAge.Front() {
		if now-at.Value.(*datagram).since < fragTimeout && f.byAge.Len() < maxDatagrams {
			return
		}
		f.remove(at)
	}
}

// remove drops one datagram.
func (f *fragments) remove(at *list.Element) {
	delete(f.waiting, at.Value.(*datagram).key)
	f.byAge.Remove(at)
}

// add adds a fragment and reports whether the datagram is complete.
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
	if start < end && len(d.got) < maxRanges {
		d.got.add(uint64(start), uint64(end))
	}
	return d.size > 0 && len(d.got) > 0 && d.got[0].start == 0 && d.got[0].end >= uint64(d.size)
}

// join turns p, the fragment that came last, into the datagram.
func (d *datagram) join(p *packet) {
	ts, frame, offset := p.ts, p.header, p.frag.offset
	size := int(d.got[0].end)
	*p = d.first
	p.ts, p.proto, p.frag = ts, d.proto, fragment{}
	p.header, p.body = d.header, d.head[:min(size, fragHead)]
	p.size, p.captured, p.total = size, size, len(d.header)+size
	if p.src.Is6() {
		p.total -= lengthIPv6Fragment
	}
	p.reassembled, p.frame, p.frameFirst = true, frame, offset == 0
	p.skipExtensions()
}

// skipExtensions skips the extension headers of IPv6 in the body of a datagram. Zeek reads
// them only now, since they may have been in any fragment.
func (p *packet) skipExtensions() {
	if !p.src.Is6() {
		return
	}
	if n, ok := p.parseExtensions(p.body); ok && n <= len(p.body) {
		p.body, p.size, p.captured = p.body[n:], p.size-n, p.captured-n
	}
}
