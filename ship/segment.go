package ship

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// errTruncated says that a file no longer holds what was read from it.
var errTruncated = errors.New("truncated")

// segment is one of the files that a path has named: one between two rotations,
// or, where a file is cut and written again, one of its lives. One goroutine
// reads it; the checkpoint looks at what mu guards.
//
// It keeps its file open until it is read to the end. So a file may be renamed,
// moved away or removed, and its inode is not given to another meanwhile.
type segment struct {
	feed
	lines lines
	file  *os.File
	inode inode

	mu    sync.Mutex
	head  []byte // the first bytes, at most headBytes
	size  int64  // when last seen
	ended bool   // read to the end; nothing more comes
}

func newSegment(o *outlet, path string, f *os.File, info os.FileInfo) *segment {
	return &segment{feed: feed{outlet: o, path: path}, file: f, inode: inodeOf(info), size: info.Size()}
}

// resume goes on at an offset, in a file whose TSV header in force there, if it
// has one, begins at header.
func (s *segment) resume(offset, header int64, head []byte) error {
	s.head = head
	s.pins.next, s.pins.header = offset, header
	from := lines{offset: header}
	for from.offset < offset {
		l, ok := from.next()
		if !ok {
			n, err := s.file.ReadAt(from.space(), from.end())
			if from.add(n); n == 0 {
				return err
			}
			continue
		}
		if is, _ := s.tsv.Header(l.text); !is {
			break
		}
	}
	s.lines = lines{offset: offset}
	return nil
}

// fill reads what is there, up to a chunk or two. It gives errTruncated where the
// file no longer begins as it did, or is shorter than what was read.
//
// The look at the beginning comes after the read: what was read before it was
// seen unchanged belongs to the file that it began as.
func (s *segment) fill() (int, error) {
	n, err := s.file.ReadAt(s.lines.space(), s.lines.end())
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	info, err := s.file.Stat()
	if err != nil {
		return 0, err
	}
	end := s.lines.end() + int64(n)
	if info.Size() < end {
		return 0, errTruncated
	}
	if n > 0 {
		if err := s.checkHead(end); err != nil {
			return 0, err
		}
	}
	s.mu.Lock()
	s.size = info.Size()
	s.mu.Unlock()
	s.lines.add(n)
	return n, nil
}

// checkHead compares the file's beginning, and learns more of it as it grows.
func (s *segment) checkHead(end int64) error {
	head, err := readHead(s.file, headBytes)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(head, s.head) {
		return errTruncated
	}
	if len(s.head) < headBytes {
		s.mu.Lock()
		s.head = head[:min(int64(len(head)), end)]
		s.mu.Unlock()
	}
	return nil
}

// ship sends the whole lines that were read.
func (s *segment) ship(ctx context.Context) {
	for ctx.Err() == nil {
		l, ok := s.lines.next()
		if !ok {
			return
		}
		s.take(ctx, l)
	}
}

// end says that nothing more comes: what is left without a newline is cut.
func (s *segment) end(ctx context.Context) {
	if l, ok := s.lines.rest(); ok {
		s.cut(ctx, l)
	}
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.lines.buf = nil
}

// look notes a size that the file has grown to, read or not.
func (s *segment) look() {
	info, err := s.file.Stat()
	if err != nil {
		return // read to its end, and closed
	}
	s.mu.Lock()
	s.size = max(s.size, info.Size())
	s.mu.Unlock()
}

// state is how far the segment is written, and whether it is done with.
func (s *segment) state() (st fileState, done bool) {
	offset, header, settled := s.pins.low()
	s.mu.Lock()
	defer s.mu.Unlock()
	return fileState{identity: identify(s.inode, s.head), Offset: offset, Header: header, Size: max(s.size, offset)}, settled && s.ended
}

// unread is how many bytes the file had, when last seen, behind what was read.
func (s *segment) unread() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, s.size-s.lines.end())
}

// begins reports whether other text begins as this file does.
func (s *segment) begins(head []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.head) > 0 && bytes.HasPrefix(head, s.head)
}
