package ship

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// resume takes up the files that an earlier shipper had not finished, wherever
// in the path's folder they are now, and those rotated away since.
func (f *follower) resume(st pathState, saved time.Time) {
	if !st.CaughtUp.IsZero() {
		f.caughtUp = st.CaughtUp
		f.began = st.CaughtUp // of use where no file was there yet
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
		f.admit(f.rotated(since, current))
	}
}

// lost tells of a file that is nowhere in the folder any more.
func (f *follower) lost(file fileState) {
	unread := file.Size - file.Offset
	f.metrics.gone.Inc()
	f.metrics.unknown.Add(float64(unread))
	level := slog.LevelWarn // it was read to what was then its end
	if unread > 0 {
		level = slog.LevelError
	}
	f.log.Log(context.Background(), level, "the file that was followed is gone; what was written to it since the last checkpoint is unknown",
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
