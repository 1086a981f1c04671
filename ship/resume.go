package ship

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/serveflow/serveflow/consumer/capture"
)

// resume takes up the files that an earlier shipper had not finished, wherever
// in the path's folder they are now, and those rotated away since.
func (f *follower) resume(st pathState, saved time.Time) {
	if !st.CaughtUp.IsZero() {
		f.caughtUp = st.CaughtUp
	}
	since := saved
	for _, file := range st.Files {
		s, modified := f.find(file)
		if s == nil {
			f.lost(file)
			continue
		}
		since = modified
		f.segments = append(f.segments, s)
	}
	var current inode
	if info, err := os.Stat(f.path); err == nil {
		current = inodeOf(info)
	}
	if len(st.Files) > 0 && !f.holds(current) {
		f.segments = append(f.segments, f.rotated(since, current)...)
	}
}

// lost tells of a file that is nowhere in the folder any more.
func (f *follower) lost(file fileState) {
	unread := file.Size - file.Offset
	f.metrics.gone.Inc()
	f.metrics.unknown.Add(float64(unread))
	f.log.Error("the file that was followed is gone; what was written to it since the last checkpoint is unknown",
		"path", f.path, "inode", file.Inode, "read_to", file.Offset, "unread_at_least", unread, "remedy", "where it was moved away, ship it: serveflow ship FILE")
}

// find opens the file of a state, by its inode or else by its beginning: a copy
// that was made before the file was truncated has another inode.
func (f *follower) find(file fileState) (*segment, time.Time) {
	for _, byInode := range []bool{true, false} {
		for _, name := range f.folder() {
			s, modified := f.match(name, file, byInode)
			if s != nil {
				return s, modified
			}
		}
	}
	return nil, time.Time{}
}

// folder lists the files of the path's folder, the path itself first.
func (f *follower) folder() []string {
	names := []string{f.path}
	entries, _ := os.ReadDir(filepath.Dir(f.path)) // an unreadable folder shows at the path itself
	for _, entry := range entries {
		if name := filepath.Join(filepath.Dir(f.path), entry.Name()); entry.Type().IsRegular() && name != f.path {
			names = append(names, name)
		}
	}
	return names
}

// match opens a file at the offset of a state, if it is the state's file.
func (f *follower) match(name string, want fileState, byInode bool) (*segment, time.Time) {
	info, err := os.Stat(name)
	switch {
	case err != nil || info.Size() < want.Offset || f.holds(inodeOf(info)):
		return nil, time.Time{}
	case byInode && inodeOf(info) != want.inode, !byInode && want.HeadBytes < tellingHead:
		return nil, time.Time{}
	}
	file, info, err := openRegular(name)
	if err != nil {
		return nil, time.Time{}
	}
	if want.heads(file) {
		s := newSegment(f.outlet, f.path, file, info)
		head, err := readHead(file, want.HeadBytes)
		if err == nil && s.resume(want.Offset, want.Header, head) == nil {
			return s, info.ModTime()
		}
	}
	file.Close()
	return nil, time.Time{}
}

// holds reports whether a segment is of this inode.
func (f *follower) holds(at inode) bool {
	return slices.ContainsFunc(f.segments, func(s *segment) bool { return s.inode == at })
}

// rotated opens the files that the path named between its newest one, last
// written at since, and the current one: more than one rotation may come between
// two looks, or while no shipper runs. They are told by their names and times;
// one that was shipped already would be shipped twice, which does no harm.
func (f *follower) rotated(since time.Time, current inode) []*segment {
	type candidate struct {
		segment  *segment
		modified time.Time
	}
	var found []candidate
	for _, name := range f.folder()[1:] {
		if !rotatedName(f.path, name) {
			continue
		}
		file, info, err := openRegular(name)
		if err != nil {
			continue
		}
		switch {
		case info.ModTime().Before(since) || inodeOf(info) == current || f.isKnown(file, info):
			file.Close()
		case compressed(file):
			f.compressedAway(name, file)
			file.Close()
		default:
			found = append(found, candidate{newSegment(f.outlet, f.path, file, info), info.ModTime()})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.modified.Compare(b.modified) })
	var segments []*segment
	for _, c := range found {
		segments = append(segments, c.segment)
	}
	return segments
}

// rotatedName reports whether a file is named as rotation names it: the log's
// name, with or without its suffix, and behind it something that begins with a
// digit. serveflow.2026-11-24-10-00-00.log, serveflow-26-11-24_10.00.00.log,
// serveflow.log.1; but not serveflow-summary.log.
func rotatedName(path, name string) bool {
	base, name := filepath.Base(path), filepath.Base(name)
	stem := strings.TrimSuffix(base, filepath.Ext(base))
	for _, prefix := range []string{base, stem} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rotatedSuffix.MatchString(rest) {
			return true
		}
	}
	return false
}

var rotatedSuffix = regexp.MustCompile(`^[-._]\d`)

// isKnown reports whether a file is one that is or was followed.
func (f *follower) isKnown(file io.ReaderAt, info os.FileInfo) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.holds(inodeOf(info)) || slices.ContainsFunc(f.passed, func(id identity) bool {
		return id.inode == inodeOf(info) && id.heads(file)
	})
}

// compressedAway tells of a rotated file that was compressed before it was seen.
func (f *follower) compressedAway(name string, file *os.File) {
	plain, err := capture.Decompress(file)
	if err == nil {
		head := make([]byte, headBytes)
		n, _ := io.ReadFull(plain, head) // what cannot be read is unknown, too
		plain.Close()
		if f.knowsHead(head[:n]) {
			return
		}
	}
	if f.told[name] {
		return
	}
	f.told[name] = true
	f.metrics.gone.Inc()
	f.log.Error("rotated and compressed before it was read: ship it as well", "path", f.path, "command", "serveflow ship "+name)
}

// knowsHead reports whether a followed file begins so.
func (f *follower) knowsHead(head []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.segments {
		if s.begins(head) {
			return true
		}
	}
	return slices.ContainsFunc(f.passed, func(id identity) bool { return id.HeadBytes > 0 && id.heads(bytes.NewReader(head)) })
}
