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
