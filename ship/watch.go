package ship

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// clockStep is how far the times that file systems write lag behind the clock.
const clockStep = 20 * time.Millisecond

// look sees whether the path names another file, and takes it up.
func (f *follower) look() {
	info, err := os.Stat(f.path)
	if errors.Is(err, os.ErrNotExist) {
		f.troubled(opening, nil) // not there yet, or between two files
		return
	}
	newest, full := f.newest()
	if err == nil && !full && (newest == nil || newest.inode != inodeOf(info)) {
		err = f.takeUp(newest)
	}
	f.troubled(opening, err)
}

// takeUp appends the file that the path names now, and before it those that it
// named in between and that are found under rotated names.
func (f *follower) takeUp(newest *segment) error {
	file, info, err := openRegular(f.path)
	if err != nil {
		return fmt.Errorf("ship: open %s: %w", f.path, err)
	}
	since := f.began.Add(-clockStep)
	if newest != nil {
		if last, err := newest.file.Stat(); err == nil {
			since = last.ModTime()
		}
	}
	found := append(f.rotated(since, inodeOf(info)), newSegment(f.outlet, f.path, file, info))
	if newest != nil {
		f.metrics.rotations.Add(float64(f.admit(found)))
	} else {
		f.admit(found)
	}
	return nil
}

// admit appends segments while there is room, and gives how many. The others are
// found again once there is.
func (f *follower) admit(found []*segment) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(found), max(0, maxSegments-len(f.segments)))
	for _, s := range found[n:] {
		s.file.Close()
	}
	f.segments = append(f.segments, found[:n]...)
	return n
}

// newest is the segment that the path named last; full tells that there is no
// room for more.
func (f *follower) newest() (s *segment, full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.segments) == 0 {
		return nil, false
	}
	return f.segments[len(f.segments)-1], len(f.segments) >= maxSegments
}

// troubled notes what is in the way, nil for nothing, and says so once.
func (f *follower) troubled(at int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := f.troubles[at]; err != nil && (last == nil || last.Error() != err.Error()) {
		f.log.Error("cannot follow", "err", err)
	}
	f.troubles[at] = err
}

// ready says why the path cannot be read; nil while it can, or is not there yet.
func (f *follower) ready() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.troubles[:]...)
}
