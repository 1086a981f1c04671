package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// maxSegments bounds the files of one path that are open at once. While nothing can be written,
// further rotated files stay closed under their new names.
const maxSegments = 32

// The indexes of a follower's errors.
const (
	openError = iota
	readError
)

// follower follows one path over rotations and truncations.
//
// It polls. inotify saves a few dozen system calls per second. But it does not work on network
// file systems, and it loses events when its queue is full, so polling would be needed as well.
// One poll takes two microseconds and adds half the poll interval to the latency.
//
// It has two goroutines. One checks which file the path names, so that it notices a rotation
// while the other, which reads and sends, waits for Kafka.
type follower struct {
	out       *output
	path      string
	poll      time.Duration
	lane      *lane
	named     []string // the paths of all sources, this one's too: they are no rotated files of it
	startTime time.Time

	mu       sync.Mutex
	segments []*segment // oldest first; at least the newest stays
	finished []identity // files that were read to the end, the last few
	caughtUp time.Time  // when everything was last in Kafka
	errs     [2]error   // why the path cannot be opened, and read; nil while it can

	reported map[string]bool // compressed files that were logged; only checkPath uses it
}

func newFollower(o *output, path string, poll time.Duration, l *lane) *follower {
	now := time.Now()
	return &follower{out: o, path: path, poll: poll, lane: l, startTime: now, caughtUp: now, reported: map[string]bool{}}
}

// run follows the path until ctx is done. It sends what it has read until drain is done.
func (f *follower) run(ctx, drain context.Context) error {
	var watching sync.WaitGroup
	watching.Go(func() {
		for ; ctx.Err() == nil; pause(ctx, f.poll) {
			f.checkPath()
		}
	})
	for ctx.Err() == nil {
		if s := f.current(); s == nil || !f.step(ctx, drain, s) {
			f.lane.pass(ctx, drain, true)
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

// pause waits for d, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// current returns the segment to read: the first that is not read to its end.
func (f *follower) current() *segment {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.IndexFunc(f.segments, func(s *segment) bool { return !s.ended })
	if at < 0 {
		return nil
	}
	return f.segments[at]
}

// step reads and sends a part of a segment. It reports whether there is more to read now.
func (f *follower) step(ctx, drain context.Context, s *segment) bool {
	superseded := f.superseded(s) // checked before the last read, so that the read misses nothing
	n, err := s.fill()
	switch {
	case errors.Is(err, errTruncated):
		f.restart(drain, s)
		return true
	case err != nil:
		f.setError(readError, fmt.Errorf("ship: read %s: %w", f.path, err))
		return false
	case s.noLog() != "":
		f.setError(readError, fmt.Errorf("ship: %s: %s; nothing of it is shipped", f.path, s.noLog()))
		s.drop()
		return true
	case s.compressed():
		f.setError(readError, fmt.Errorf("ship: %s is compressed while it is written, and cannot be followed: %s; or ship it when it is whole: %s", f.path, writePlain, f.out.beside("FILE")))
		s.drop()
		return true
	case n == 0 && superseded:
		s.end(drain)
		s.file.Close()
		return true
	case n == 0:
		s.feed.judge()
	}
	f.setError(readError, nil)
	s.ship(drain)
	if n > 0 {
		f.lane.pass(ctx, drain, false)
	}
	return n > 0
}

// writePlain is what makes Zeek write a log that can be followed.
const writePlain = "have Zeek write it plain (LogAscii::gzip_level=0; with zeekctl, CompressLogsInFlight=0)"

// superseded reports whether the path's writer now writes a newer file. A newer file that is
// empty does not prove that.
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

// restart reads a file from its start that was truncated (copytruncate) or written again.
func (f *follower) restart(drain context.Context, s *segment) {
	lost := s.unread()
	f.out.metrics.truncations.Inc()
	f.out.metrics.unknown.Add(float64(lost))
	f.out.log.Warn("truncated: reading it from its start", "path", f.path, "read_to", s.lines.end(), "unread_at_least", lost)
	again := newSegment(f.out, f.path, f.lane)
	again.file, again.inode = s.file, s.inode
	s.end(drain)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.segments = slices.Insert(f.segments, slices.Index(f.segments, s)+1, again)
}

// state returns how far the path is written, and drops the files that are finished.
func (f *follower) state() pathState {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := pathState{}
	var kept []*segment
	var lag int64
	for i, s := range f.segments {
		s.updateSize()
		file, done := s.state()
		if done && i < len(f.segments)-1 {
			f.finished = append(f.finished[max(0, len(f.finished)-maxSegments):], file.identity())
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
	f.out.metrics.lagBytes.WithLabelValues(f.path).Set(float64(lag))
	f.out.metrics.lagSeconds.WithLabelValues(f.path).Set(now.Sub(f.caughtUp).Seconds())
	st.CaughtUp = f.caughtUp
	return st
}
