package ship

import (
	"bytes"

	"github.com/serveflow/serveflow/flow/zeek"
)

// readBytes is the least number of bytes that one read asks for.
const readBytes = 128 << 10

// line is one line of a file, without its newline.
type line struct {
	offset int64  // of its first byte
	next   int64  // of the byte after its newline
	text   []byte // its first MaxRecord bytes; valid until the next read
	long   bool   // it has more than MaxRecord bytes
	nuls   int64  // number of NUL bytes before it
}

// lines splits what is read into lines and knows their offsets. Its memory is bounded: of a line
// that is longer than a record may be, it keeps the beginning.
//
// It drops and counts NUL bytes before a line. A file system leaves runs of them after a loss of
// power, and the record after such a run is whole.
type lines struct {
	buf      []byte
	from, to int   // unread bytes are buf[from:to]
	searched int   // how many of these have no newline for certain
	offset   int64 // of the first byte of the line that begins at from, NULs included
	nuls     int64 // NULs that were dropped before it
	dropped  int64 // bytes of it that were dropped after its first MaxRecord
}

// space returns a buffer to read into.
func (l *lines) space() []byte {
	if l.buf == nil {
		l.buf = make([]byte, zeek.MaxRecord+readBytes)
	}
	if len(l.buf)-l.to < readBytes { // enough space: at most MaxRecord bytes are kept
		l.to = copy(l.buf, l.buf[l.from:l.to])
		l.from = 0
	}
	return l.buf[l.to:]
}

// add adds n bytes that were read into space.
func (l *lines) add(n int) { l.to += n }

// end returns the offset after everything read.
func (l *lines) end() int64 { return l.offset + l.nuls + int64(l.to-l.from) + l.dropped }

// next returns the next whole line; false where there is none yet.
func (l *lines) next() (line, bool) {
	l.dropNULs()
	unread := l.buf[l.from:l.to]
	at := bytes.IndexByte(unread[l.searched:], '\n')
	if at < 0 {
		if len(unread) > zeek.MaxRecord {
			l.dropped += int64(len(unread) - zeek.MaxRecord)
			l.to = l.from + zeek.MaxRecord
		}
		l.searched = l.to - l.from
		return line{}, false
	}
	return l.cut(l.searched+at, 1), true
}

// rest returns what is left without a newline; false where nothing is left.
func (l *lines) rest() (line, bool) {
	if l.end() == l.offset {
		return line{}, false
	}
	return l.cut(l.to-l.from, 0), true
}

// cut returns n unread bytes as a line, and skips the newline after them.
func (l *lines) cut(n, newline int) line {
	found := line{offset: l.offset, text: l.buf[l.from : l.from+min(n, zeek.MaxRecord)], nuls: l.nuls}
	found.long = int64(n)+l.dropped > zeek.MaxRecord
	l.offset += l.nuls + int64(n+newline) + l.dropped
	l.from += n + newline
	l.searched, l.nuls, l.dropped = 0, 0, 0
	found.next = l.offset
	return found
}

func (l *lines) dropNULs() {
	for l.searched == 0 && l.from < l.to && l.buf[l.from] == 0 {
		l.from++
		l.nuls++
	}
}
