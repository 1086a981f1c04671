package ship

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// maxSegments bounds the files of one path that are open at once. More rotations
// than that while nothing can be written wait under their new names.
const maxSegments = 32

// clockStep is how far the times that file systems write lag behind the clock.
const clockStep = 20 * time.Millisecond

// follower follows one path over rotations and truncations.
//
// It polls. inotify would save a few dozen system calls a second, but it is
// silent on network file systems, loses events when its queue is full, and has
// to be joined by polling to be right about any of that. A look costs two
// microseconds, and half the poll interval is all the latency it adds.
//
// Two goroutines: one watches which file the path names, so that a rotation is
// seen while the other is held back by Kafka; the other reads.
type follower struct {
	*outlet
	path  string
	poll  time.Duration
	began time.Time

	mu       sync.Mutex
	segments []*segment // oldest first; at least the newest stays
	passed   []identity // files that were read to the end, the last few
	caughtUp time.Time  // when everything was last in Kafka
	trouble  error      // why the path cannot be read; nil while it can

	told map[string]bool // compressed files that were told of; for whoever looks
}

func newFollower(o *outlet, path string, poll time.Duration) *follower {
	now := time.Now()
	return &follower{outlet: o, path: path, poll: poll, began: now, caughtUp: now, told: map[string]bool{}}
}

// run follows the path until ctx is done; what is under way then is sent until
// hard is done.
func (f *follower) run(ctx, hard context.Context) error {
	var watching sync.WaitGroup
	watching.Go(func() {
		for ; ctx.Err() == nil; pause(ctx, f.poll) {
			f.look()
		}
	})
	for ctx.Err() == nil {
		if s := f.reading(); s == nil || !f.step(hard, s) {
			pause(ctx, f.poll)
		}
	}
	watching.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.segments {
		s.file.Close() // most are closed already
	}
	return nil
}

// pause waits, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// reading is the segment to read: the first that is not read to its end.
func (f *follower) reading() *segment {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.IndexFunc(f.segments, func(s *segment) bool { return !s.ended })
	if at < 0 {
		return nil
	}
	return f.segments[at]
}

// step ships what a segment has, and reports whether to go on at once.
func (f *follower) step(hard context.Context, s *segment) bool {
	superseded := f.superseded(s) // looked up before the last read, so that nothing comes after it
	n, err := s.fill()
	switch {
	case errors.Is(err, errTruncated):
		f.truncated(hard, s)
		return true
	case err != nil:
		f.troubled(fmt.Errorf("ship: read %s: %w", f.path, err))
		return false
	case n == 0 && superseded:
		s.end(hard)
		s.file.Close()
		return true
	}
	s.ship(hard)
	return n > 0
}

// superseded reports whether whoever writes the path has gone on to the next
// file. A new file that is still empty does not prove it.
func (f *follower) superseded(s *segment) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.Index(f.segments, s)
	for _, next := range f.segments[at+1:] {
		if info, err := next.file.Stat(); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}

// truncated begins a file anew that was cut (copy-truncate), or written again.
func (f *follower) truncated(hard context.Context, s *segment) {
	lost := max(0, s.size-s.lines.end())
	f.metrics.truncations.Inc()
	f.metrics.unknown.Add(float64(lost))
	f.log.Warn("truncated: reading it from its start", "path", f.path, "read_to", s.lines.end(), "unread_at_least", lost)
	again := &segment{feed: feed{outlet: f.outlet, path: f.path}, file: s.file, inode: s.inode}
	s.end(hard)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.segments = slices.Insert(f.segments, slices.Index(f.segments, s)+1, again)
}

// look sees whether the path names another file, and takes it up.
func (f *follower) look() {
	info, err := os.Stat(f.path)
	if errors.Is(err, os.ErrNotExist) {
		f.troubled(nil) // not there yet, or between two files
		return
	}
	if newest := f.newest(); err == nil && (newest == nil || newest.inode != inodeOf(info)) {
		err = f.takeUp(newest)
	}
	f.troubled(err)
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
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.segments)+len(found) > maxSegments {
		for _, s := range found {
			s.file.Close()
		}
		return nil // found again when there is room
	}
	if len(f.segments) > 0 {
		f.metrics.rotations.Add(float64(len(found)))
	}
	f.segments = append(f.segments, found...)
	return nil
}

func (f *follower) newest() *segment {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.segments) == 0 {
		return nil
	}
	return f.segments[len(f.segments)-1]
}

// troubled notes why the path cannot be read, and says so once.
func (f *follower) troubled(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && (f.trouble == nil || f.trouble.Error() != err.Error()) {
		f.log.Error("cannot follow", "err", err)
	}
	f.trouble = err
}

// ready says why the path cannot be read; nil while it can, or is not there yet.
func (f *follower) ready() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.trouble
}

// state gives how far the path is written, and forgets files that are done with.
func (f *follower) state() pathState {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := pathState{}
	var kept []*segment
	var lag int64
	for i, s := range f.segments {
		s.look()
		file, done := s.state()
		if done && i < len(f.segments)-1 {
			f.passed = append(f.passed[max(0, len(f.passed)-maxSegments):], file.identity)
			continue
		}
		kept, lag = append(kept, s), lag+file.Size-file.Offset
		st.Files = append(st.Files, file)
	}
	f.segments = kept
	now := time.Now()
	if lag == 0 {
		f.caughtUp = now
	}
	f.metrics.lagBytes.WithLabelValues(f.path).Set(float64(lag))
	f.metrics.lagSeconds.WithLabelValues(f.path).Set(now.Sub(f.caughtUp).Seconds())
	st.CaughtUp = f.caughtUp
	return st
}
