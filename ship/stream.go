package ship

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/serveflow/serveflow/consumer/capture"
)

// pour ships what in gives, from the lines that begin at from on, until it ends,
// fails or ctx is done. It does not end the last line.
func (s *segment) pour(ctx, hard context.Context, in io.Reader, from int64) error {
	for ctx.Err() == nil {
		n, err := in.Read(s.lines.space())
		s.lines.add(n)
		for hard.Err() == nil {
			l, ok := s.lines.next()
			if !ok {
				break
			}
			if l.next <= from {
				s.tsv.Header(l.text) // an error in it was told the first time
				s.pins.pass(l, false)
				continue
			}
			s.take(hard, l)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// archive ships a compressed file, once and whole.
type archive struct {
	segment
	from int64 // bytes of what it holds that were shipped before
}

// newArchive builds an archive from its file's state; it is done where that says so.
func newArchive(o *outlet, path string, at inode, head []byte, st pathState) *archive {
	a := &archive{segment: segment{feed: feed{outlet: o, path: path}, inode: at, head: head}}
	if len(st.Files) == 1 && st.Files[0].identity == identify(at, head) {
		a.from, a.ended = st.Files[0].Offset, st.Files[0].Done
		a.pins.next = a.from
	}
	return a
}

func (a *archive) run(ctx, hard context.Context) error {
	f, err := os.Open(a.path)
	if err != nil {
		return err
	}
	defer f.Close()
	if a.ended {
		a.log.Info("shipped before: to ship it again, name another state file", "path", a.path)
		return nil
	}
	plain, err := capture.Decompress(f)
	if err != nil {
		return fmt.Errorf("ship: %s: %w", a.path, err)
	}
	defer plain.Close()
	err = a.pour(ctx, hard, plain, a.from)
	switch {
	case ctx.Err() != nil:
		return nil // it goes on where it was at the next start
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("ship: %s: what came before byte %d of what it holds is shipped: %w", a.path, a.lines.offset, err)
	}
	a.end(hard)
	return nil
}

func (a *archive) state() pathState {
	st, done := a.segment.state()
	st.Header, st.Size, st.Done = 0, st.Offset, done
	return pathState{Files: []fileState{st}}
}

func (a *archive) ready() error { return nil }

// stdin ships what comes from standard input, to its end. It cannot be resumed.
type stdin struct {
	segment
	in io.Reader
}

// run ends with ctx even while the input gives nothing: a read of it cannot be
// called off, so the goroutine that does it is left behind then.
func (s *stdin) run(ctx, hard context.Context) error {
	out, in := io.Pipe()
	go func() { in.CloseWithError(copyPlain(in, s.in)) }()
	defer context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })()
	err := s.pour(ctx, hard, out, 0)
	s.end(hard) // also what a stop leaves over: nobody can read it again
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("ship: standard input: %w", err)
}

// copyPlain copies what in holds, compressed or not.
func copyPlain(out io.Writer, in io.Reader) error {
	plain, err := capture.Decompress(in)
	if err != nil {
		return err
	}
	defer plain.Close()
	_, err = io.Copy(out, plain)
	return err
}

func (s *stdin) state() pathState {
	s.segment.state() // lets go of what is acknowledged
	return pathState{}
}

func (s *stdin) ready() error { return nil }

// fifo ships what is written to a FIFO, by one writer after another. It cannot
// be resumed: what was read and not yet written when the shipper dies is lost.
type fifo struct {
	segment
	poll time.Duration

	troubling sync.Mutex
	trouble   error
}

func (f *fifo) run(ctx, hard context.Context) error {
	in, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // else it waits for a writer
	if err != nil {
		return fmt.Errorf("ship: open %s: %w", f.path, err)
	}
	defer in.Close()
	defer context.AfterFunc(ctx, func() { in.SetReadDeadline(time.Now()) })()
	for ctx.Err() == nil {
		err := f.pour(ctx, hard, in, 0)
		if l, ok := f.lines.rest(); ok { // its writer is gone, or we go
			f.cut(hard, l)
		}
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			err = nil // no writer at the moment
		}
		f.troubling.Lock()
		f.trouble = err
		f.troubling.Unlock()
		pause(ctx, f.poll)
	}
	return nil
}

func (f *fifo) state() pathState {
	f.segment.state() // lets go of what is acknowledged
	return pathState{}
}

func (f *fifo) ready() error {
	f.troubling.Lock()
	defer f.troubling.Unlock()
	return f.trouble
}
