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

	"github.com/serveflow/serveflow/flow/capture"
)

// candidate is a file that a rotation may have left.
type candidate struct {
	name     string
	file     *os.File
	info     os.FileInfo
	modified time.Time
}

// before orders rotated files as they were written: by their times, and by their
// names where a file system's clock is too coarse for that.
func (c *candidate) before(d *candidate) int {
	return cmp.Or(c.modified.Compare(d.modified), strings.Compare(c.name, d.name))
}

// rotated opens the files that the path named between its newest one, last
// written at since, and the current one: more than one rotation may come between
// two looks, or while no shipper runs. They are told by their names and times;
// one that was shipped already would be shipped twice, which does no harm.
func (f *follower) rotated(since time.Time, current inode) []*segment {
	var found []*candidate
	var last *candidate // the current one, where it has been rotated meanwhile
	for _, name := range f.folder()[1:] {
		if !rotatedName(f.path, name) {
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
		if f.wants(c, since, current) {
			found = append(found, c)
		} else {
			file.Close()
		}
	}
	slices.SortFunc(found, (*candidate).before)
	var segments []*segment
	for _, c := range found {
		if last != nil && last.before(c) < 0 {
			c.file.Close() // came after the current one, and is found after it
			continue
		}
		segments = append(segments, newSegment(f.outlet, f.path, c.file, c.info))
	}
	return segments
}

// wants reports whether a rotated file is to be shipped.
func (f *follower) wants(c *candidate, since time.Time, current inode) bool {
	if c.modified.Before(since) || inodeOf(c.info) == current || f.isKnown(c.file, c.info) {
		return false
	}
	if compressed(c.file) {
		f.compressedAway(c.name, c.file)
		return false
	}
	return true
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
