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
