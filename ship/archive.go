package ship

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/serveflow/serveflow/flow/zeek/logfile"
)

// archivePatience is how long an archive that ends too early may stand still before it counts as
// damaged.
const archivePatience = time.Minute

// archive ships a compressed file once, as a whole. One that is still being written is read again
// as it grows, until it is whole.
type archive struct {
	segment  *segment
	poll     time.Duration
	resumeAt int64 // offset in the uncompressed data; what is below was shipped before

	took   time.Duration // by the last pass
	waited bool          // it was told that the archive is still being written
}

func newArchive(s *segment, poll time.Duration) *archive { return &archive{segment: s, poll: poll} }

// resume continues where the state says that the file was shipped before, as a whole or in part.
func (a *archive) resume(file *os.File, info os.FileInfo, st pathState) error {
	a.segment.inode = inodeOf(info)
	if len(st.Files) == 1 && st.Files[0].identity().inode == a.segment.inode && st.Files[0].identity().matches(file) {
		a.resumeAt, a.segment.ended = st.Files[0].Offset, st.Files[0].Done
		a.segment.feed.inFlight.next = a.resumeAt
	}
	var err error
	a.segment.head, err = readHead(file, headBytes)
	return err
}

func (a *archive) run(ctx, drain context.Context) error {
	defer a.segment.feed.lane.finish(ctx, drain)
	f, err := os.Open(a.segment.feed.path)
	if err != nil {
		return err
	}
	defer f.Close()
	if a.segment.ended {
		a.segment.feed.out.log.Info("shipped before: to ship it again, name another state file", "path", a.segment.feed.path)
		return nil
	}
	err = a.pass(ctx, drain, f)
	for errors.Is(err, io.ErrUnexpectedEOF) && a.grows(ctx, drain, f) {
		err = a.pass(ctx, drain, f)
	}
	switch {
	case ctx.Err() != nil:
		return nil // the next start continues here
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("ship: %s: it ends too early, and has not grown for %v: it was cut, or its writer is gone; what came before byte %d of what it holds is shipped; once it is whole, ship it again: it goes on there: %w",
			a.segment.feed.path, archivePatience, a.segment.lines.offset, err)
	case !errors.Is(err, io.EOF) && a.segment.lines.offset == 0:
		return fmt.Errorf("ship: %s: %w", a.segment.feed.path, err)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("ship: %s: what came before byte %d of what it holds is shipped: %w", a.segment.feed.path, a.segment.lines.offset, err)
	}
	a.segment.end(drain)
	return nil
}

// pass ships what the archive holds now, from where the last pass ended.
func (a *archive) pass(ctx, drain context.Context, f *os.File) error {
	info, err := f.Stat()
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	a.segment.mu.Lock()
	a.segment.size = info.Size()
	a.segment.mu.Unlock()
	defer func(began time.Time) { a.took = time.Since(began) }(time.Now())
	plain, err := logfile.Open(f)
	if err != nil {
		return err
	}
	defer plain.Close()
	a.resumeAt = max(a.resumeAt, a.segment.lines.offset)
	a.segment.lines = lines{}
	return a.segment.shipStream(ctx, drain, plain, a.resumeAt)
}

// grows waits until an archive that ended too early has grown. False: it has stood still for too
// long, or ctx is done.
func (a *archive) grows(ctx, drain context.Context, f *os.File) bool {
	feed := &a.segment.feed
	feed.lane.finish(ctx, drain) // the others do not wait for it
	for rest := min(10*a.took, archivePatience); ctx.Err() == nil; rest = a.poll {
		info, err := f.Stat()
		if err != nil || info.Size() == a.segment.size && time.Since(info.ModTime()) > archivePatience {
			return false
		}
		if !a.waited {
			a.waited = true
			feed.out.log.Warn("the archive is still being written: waiting for the rest of it; to have records at once, "+writePlain, "path", feed.path)
		}
		// Each pass begins at the start of the archive, so passes take a tenth of the time at most.
		if pause(ctx, rest); info.Size() != a.segment.size {
			return true
		}
	}
	return false
}

func (a *archive) state() pathState {
	st, done := a.segment.state()
	st.Header, st.Size, st.Done = 0, st.Offset, done
	return pathState{Files: []fileState{st}}
}

func (a *archive) ready() error { return nil }
