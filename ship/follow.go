package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// maxSegments bounds the files of one path that are open at once. More rotations
// than that while nothing can be written wait under their new names.
const maxSegments = 32

// What can be in a follower's way, as an index of its troubles.
const (
	opening = iota
	readingOn
)

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
	troubles [2]error   // why the path cannot be opened, and read; nil while it can

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
		f.troubled(readingOn, fmt.Errorf("ship: read %s: %w", f.path, err))
		return false
	case n == 0 && superseded:
		s.end(hard)
		s.file.Close()
		return true
	}
	f.troubled(readingOn, nil)
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
	lost := s.unread()
	f.metrics.truncations.Inc()
	f.metrics.unknown.Add(float64(lost))
	f.log.Warn("truncated: reading it from its start", "path", f.path, "read_to", s.lines.end(), "unread_at_least", lost)
	again := &segment{feed: feed{outlet: f.outlet, path: f.path}, file: s.file, inode: s.inode}
	s.end(hard)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.segments = slices.Insert(f.segments, slices.Index(f.segments, s)+1, again)
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
