package ship

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// resume opens the files that an earlier shipper had not finished, wherever they are now in the
// path's folder, and those that were rotated since.
func (f *follower) resume(st pathState, saved time.Time) {
	if !st.CaughtUp.IsZero() {
		f.caughtUp = st.CaughtUp
		f.startTime = st.CaughtUp // matters where no file existed yet
	}
	since := saved
	for _, file := range st.Files {
		s, modified := f.find(file)
		if s == nil {
			f.reportLost(file)
			continue
		}
		since = modified
		f.segments = append(f.segments, s)
	}
	var current inode
	if info, err := os.Stat(f.path); err == nil {
		current = inodeOf(info)
	}
	if len(st.Files) > 0 && !f.hasSegment(current) {
		f.addSegments(f.openRotated(since, current))
	}
}

// reportLost logs and counts a file that is no longer in the folder.
func (f *follower) reportLost(file fileState) {
	unread := file.Size - file.Offset
	f.out.metrics.gone.Inc()
	f.out.metrics.unknown.Add(float64(unread))
	level := slog.LevelWarn // it was read to its end at that time
	if unread > 0 {
		level = slog.LevelError
	}
	f.out.log.Log(context.Background(), level, "the file that was followed is gone; what was written to it since the last checkpoint is unknown",
		"path", f.path, "inode", file.Inode, "read_to", file.Offset, "unread_at_least", unread, "remedy", "where it was moved away, ship it beside this shipper: "+f.out.beside("FILE"))
}

// find opens the file of a state, by its inode or else by its beginning: a copy that was made
// before a truncation has another inode.
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

// folder returns the files of the path's folder, the path itself first.
func (f *follower) folder() []string {
	names := []string{f.path}
	entries, _ := os.ReadDir(filepath.Dir(f.path)) // where the folder cannot be read, the path cannot either
	for _, entry := range entries {
		if name := filepath.Join(filepath.Dir(f.path), entry.Name()); entry.Type().IsRegular() && name != f.path {
			names = append(names, name)
		}
	}
	return names
}

// match opens a file at the offset of a state, if it is the state's file; nil if not.
func (f *follower) match(name string, want fileState, byInode bool) (*segment, time.Time) {
	info, err := os.Stat(name)
	switch {
	case err != nil || info.Size() < want.Offset || f.hasSegment(inodeOf(info)):
		return nil, time.Time{}
	case byInode && inodeOf(info) != want.identity().inode, !byInode && want.HeadBytes < minHeadBytes:
		return nil, time.Time{}
	}
	file, info, err := openRegular(name)
	if err != nil {
		return nil, time.Time{}
	}
	if want.identity().matches(file) {
		s := f.newSegment(file, info)
		head, err := readHead(file, want.HeadBytes)
		if err == nil && s.resume(want.Offset, want.Header, head) == nil {
			return s, info.ModTime()
		}
	}
	file.Close()
	return nil, time.Time{}
}

// hasSegment reports whether a segment has this inode.
func (f *follower) hasSegment(at inode) bool {
	return slices.ContainsFunc(f.segments, func(s *segment) bool { return s.inode == at })
}
