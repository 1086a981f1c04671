package ship

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// timestampGranularity is how far a file system's timestamps may be behind the clock.
const timestampGranularity = 20 * time.Millisecond

// checkPath checks whether the path names another file, and opens that.
func (f *follower) checkPath() {
	info, err := os.Stat(f.path)
	if errors.Is(err, os.ErrNotExist) {
		f.setError(openError, nil) // not there yet, or between two files
		return
	}
	newest, full := f.newest()
	if err == nil && !full && (newest == nil || newest.inode != inodeOf(info)) {
		err = f.openNew(newest)
	}
	f.setError(openError, err)
}

// openNew adds the file that the path names now, and before it those that it named in between,
// which have rotated names.
func (f *follower) openNew(newest *segment) error {
	file, info, err := openRegular(f.path)
	if err != nil {
		return fmt.Errorf("ship: open %s: %w", f.path, err)
	}
	since := f.startTime.Add(-timestampGranularity)
	if newest != nil {
		if last, err := newest.file.Stat(); err == nil {
			since = last.ModTime()
		}
	}
	found := append(f.openRotated(since, inodeOf(info)), f.newSegment(file, info))
	if newest != nil {
		f.out.metrics.rotations.Add(float64(f.addSegments(found)))
	} else {
		f.addSegments(found)
	}
	return nil
}

// addSegments adds segments up to maxSegments and returns how many it added. The others are
// found again later.
func (f *follower) addSegments(found []*segment) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(found), max(0, maxSegments-len(f.segments)))
	for _, s := range found[n:] {
		s.file.Close()
	}
	f.segments = append(f.segments, found[:n]...)
	return n
}

// newest returns the segment that the path named last. full: there are maxSegments.
func (f *follower) newest() (s *segment, full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.segments) == 0 {
		return nil, false
	}
	return f.segments[len(f.segments)-1], len(f.segments) >= maxSegments
}

// setError sets one of the follower's errors; nil: none. It logs an error once.
func (f *follower) setError(at int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := f.errs[at]; err != nil && (last == nil || last.Error() != err.Error()) {
		f.out.log.Error("cannot follow", "err", err)
	}
	f.errs[at] = err
}

// ready returns why the path cannot be read; nil while it can, or does not exist yet.
func (f *follower) ready() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.errs[:]...)
}
