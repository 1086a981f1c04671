package ship

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/serveflow/serveflow/flow/zeek/logfile"
	"github.com/serveflow/serveflow/internal/decompress"
)

// errTruncated means that a file no longer holds what was read from it.
var errTruncated = errors.New("truncated")

// segment is one file that the path has named, between two rotations; where a file is truncated
// and written again, a segment is one of its generations. One goroutine reads it. mu guards what
// the checkpoint reads too.
//
// It keeps its file open until it is read to the end. So the file may be renamed, moved or
// removed, and its inode is not used again meanwhile.
type segment struct {
	feed  feed
	lines lines
	file  *os.File
	inode inode

	mu    sync.Mutex
	head  []byte // the first bytes, at most headBytes
	size  int64  // when last seen
	ended bool   // read to the end; nothing more comes
}

// newSegment builds the segment of a stream, or of a file that is set then.
func newSegment(o *output, path string, l *lane) *segment {
	return &segment{feed: feed{out: o, path: path, lane: l, parser: logfile.NewParser(path)}}
}

// newSegment builds the segment of a file of the path.
func (f *follower) newSegment(file *os.File, info os.FileInfo) *segment {
	s := newSegment(f.out, f.path, f.lane)
	s.file, s.inode, s.size = file, inodeOf(info), info.Size()
	return s
}

// resume continues at an offset. header is the offset of the TSV header that is in force there,
// if there is one; head is the file's beginning. That header may change only a part of the file's
// first one.
func (s *segment) resume(offset, header int64, head []byte) error {
	s.head = head
	s.feed.inFlight.next, s.feed.inFlight.header = offset, header
	if err := s.readHeader(0, header); err != nil {
		return err
	}
	if err := s.readHeader(header, offset); err != nil {
		return err
	}
	s.lines = lines{offset: offset}
	return nil
}

// readHeader reads the TSV header at an offset, if there is one before another offset.
func (s *segment) readHeader(at, offset int64) error {
	from := lines{offset: at}
	for from.offset < offset {
		l, ok := from.next()
		if !ok {
			n, err := s.file.ReadAt(from.space(), from.end())
			if from.add(n); n == 0 {
				return err
			}
			continue
		}
		if is, _ := s.feed.parser.Header(l.text); !is {
			break
		}
	}
	return nil
}

// fill reads what the file has, up to about readBytes. It returns errTruncated where the file is
// shorter than what was read, or no longer begins as it did.
//
// It checks the beginning after the read: if the beginning is unchanged then, the bytes belong to
// the same file.
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

// checkHead compares the file's beginning with the known one, and extends that as the file grows.
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
		s.feed.send(ctx, l)
	}
}

// end finishes the segment: nothing more is read. It handles a last line without a newline.
func (s *segment) end(ctx context.Context) {
	if l, ok := s.lines.rest(); ok {
		s.feed.sendUnterminated(ctx, l)
	}
	s.feed.judge()
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.lines.buf = nil
}

// compressed reports whether the file is compressed, once its beginning is read.
func (s *segment) compressed() bool { return decompress.Format(s.head) != "" }

// noLog says why the file cannot be shipped, once its beginning is read; empty where it can.
func (s *segment) noLog() string { return logfile.NoLog(s.head) }

// drop ends the segment without sending anything of it.
func (s *segment) drop() {
	s.file.Close()
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.lines.buf = nil
}

// updateSize updates the size, which counts bytes that are not read yet too.
func (s *segment) updateSize() {
	info, err := s.file.Stat()
	if err != nil {
		return // read to its end, and closed
	}
	s.mu.Lock()
	s.size = max(s.size, info.Size())
	s.mu.Unlock()
}

// state returns how far the segment is written, and whether it is finished.
func (s *segment) state() (st fileState, done bool) {
	offset, header, settled := s.feed.inFlight.committable()
	s.mu.Lock()
	defer s.mu.Unlock()
	id := identify(s.inode, s.head)
	st = fileState{Device: id.inode.device, Inode: id.inode.number, Head: id.head, HeadBytes: id.headBytes,
		Offset: offset, Header: header, Size: max(s.size, offset)}
	return st, settled && s.ended
}

// unread returns how many bytes the file had, at its last known size, that were not read.
func (s *segment) unread() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, s.size-s.lines.end())
}

// begins reports whether head begins as this file does.
func (s *segment) begins(head []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.head) > 0 && bytes.HasPrefix(head, s.head)
}
