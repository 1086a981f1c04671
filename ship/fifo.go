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
)

// fifo ships what one writer after another writes to a FIFO. It cannot be resumed: when the
// shipper dies, the records in flight are lost.
type fifo struct {
	segment *segment
	poll    time.Duration

	mu  sync.Mutex
	err error
}

func (f *fifo) run(ctx, drain context.Context) error {
	in, err := os.OpenFile(f.segment.feed.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // otherwise it blocks until there is a writer
	if err != nil {
		return fmt.Errorf("ship: open %s: %w", f.segment.feed.path, err)
	}
	defer in.Close()
	defer context.AfterFunc(ctx, func() { in.SetReadDeadline(time.Now()) })()
	for ctx.Err() == nil {
		err := f.segment.shipStream(ctx, drain, in, 0)
		if l, ok := f.segment.lines.rest(); ok { // the writer has closed the FIFO, or ctx is done
			f.segment.feed.sendUnterminated(drain, l)
		}
		f.segment.feed.judge()
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			err = nil // there is no writer now
		}
		f.mu.Lock()
		f.err = err
		f.mu.Unlock()
		pause(ctx, f.poll)
	}
	return nil
}

func (f *fifo) state() pathState {
	f.segment.state() // releases acknowledged lines
	return pathState{}
}

func (f *fifo) ready() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
