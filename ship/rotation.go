package ship

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/serveflow/serveflow/internal/decompress"
)

// candidate is a file that may be a rotated one.
type candidate struct {
	name     string
	file     *os.File
	info     os.FileInfo
	modified time.Time
}

// before compares rotated files by the time at which they were written, and by name where the
// file system's clock is too coarse.
func (c *candidate) before(d *candidate) int {
	return cmp.Or(c.modified.Compare(d.modified), strings.Compare(c.name, d.name))
}

// openRotated opens the files that the path named after its newest segment, which was last
// written at since, and before the current file. There are some where the path was rotated more
// than once between two polls, or while no shipper ran. They are found by name and time. A file
// that was shipped already may be shipped again, which does no harm.
func (f *follower) openRotated(since time.Time, current inode) []*segment {
	var found []*candidate
	var last *candidate // the current file, where it has been rotated meanwhile
	for _, name := range f.folder()[1:] {
		if !f.isRotated(name) {
			continue
		}
		file, info, err := openRegular(name)
		if err != nil {
			continue
		}
		c := &candidate{name, file, info, info.ModTime()}
		if inodeOf(info) == current {
			last = c
		}
		if f.unshipped(c, since, current) {
			found = append(found, c)
		} else {
			file.Close()
		}
	}
	slices.SortFunc(found, (*candidate).before)
	var segments []*segment
	for _, c := range found {
		if last != nil && last.before(c) < 0 {
			c.file.Close() // it is newer than the current file and will be found after that
			continue
		}
		segments = append(segments, f.newSegment(c.file, c.info))
	}
	return segments
}

// unshipped reports whether a rotated file must be shipped.
func (f *follower) unshipped(c *candidate, since time.Time, current inode) bool {
	if c.modified.Before(since) || inodeOf(c.info) == current || f.isKnown(c.file, c.info) {
		return false
	}
	if why := noLog(c.file); why != "" {
		f.reportUnread(c, since, why)
		return false
	}
	if compressed(c.file) {
		f.checkCompressed(c.name, c.file)
		return false
	}
	return true
}

// reportUnread logs and counts a rotated file that cannot be read, as one that xz has compressed.
// Whether it was shipped before, its content cannot tell. But a program that compresses a file
// leaves its time, so one of the newest segment's time is that segment.
func (f *follower) reportUnread(c *candidate, newest time.Time, why string) {
	if c.modified.Equal(newest) || f.reported[c.name] {
		return
	}
	f.reported[c.name] = true
	f.out.metrics.gone.Inc()
	f.out.log.Error("a rotated file cannot be read, and may not have been shipped before: unpack it and ship it beside this shipper; records that Kafka has do no harm",
		"path", f.path, "file", c.name, "why", why, "command", f.out.beside("FILE"))
}

// isRotated reports whether a file of the path's folder is called as a rotated file of the path,
// and is neither another followed path nor called as a rotated file of one with a longer name: two
// loggers may write serveflow.log and serveflow-1.log.
func (f *follower) isRotated(name string) bool {
	return rotatedName(f.path, name) && !slices.ContainsFunc(f.named, func(other string) bool {
		return name == other || filepath.Dir(other) == filepath.Dir(name) && len(other) > len(f.path) && rotatedName(other, name)
	})
}

// rotatedName reports whether a name is a rotated file's: the log's name, with or without
// its suffix, and then a separator and a digit. Examples are serveflow.2026-11-24-10-00-00.log,
// serveflow-26-11-24_10.00.00.log and serveflow.log.1, but not serveflow-summary.log.
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

// isKnown reports whether a file is or was followed.
func (f *follower) isKnown(file io.ReaderAt, info os.FileInfo) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hasSegment(inodeOf(info)) || slices.ContainsFunc(f.finished, func(id identity) bool {
		return id.inode == inodeOf(info) && id.matches(file)
	})
}

// checkCompressed logs and counts a rotated file that was compressed before it was read.
func (f *follower) checkCompressed(name string, file *os.File) {
	plain, err := decompress.NewReader(file)
	if err == nil {
		head := make([]byte, headBytes)
		n, _ := io.ReadFull(plain, head) // a file that cannot be read counts as unknown
		plain.Close()
		if f.isKnownHead(head[:n]) {
			return
		}
	}
	if f.reported[name] {
		return
	}
	f.reported[name] = true
	f.out.metrics.gone.Inc()
	f.out.log.Error("rotated and compressed before it was read: ship it beside this shipper", "path", f.path, "command", f.out.beside(name))
}

// isKnownHead reports whether a followed file begins with head.
func (f *follower) isKnownHead(head []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.segments {
		if s.begins(head) {
			return true
		}
	}
	return slices.ContainsFunc(f.finished, func(id identity) bool { return id.headBytes > 0 && id.matches(bytes.NewReader(head)) })
}
