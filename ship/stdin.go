package ship

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/serveflow/serveflow/flow/zeek/logfile"
)

// stdin ships standard input to its end. It cannot be resumed.
type stdin struct {
	segment *segment
	in      io.Reader
}

// run ends with ctx also while the input gives nothing. A read of the input cannot be cancelled,
// so the goroutine that reads stays behind then.
func (s *stdin) run(ctx, drain context.Context) error {
	out, in := io.Pipe()
	go func() { in.CloseWithError(copyPlain(in, s.in)) }()
	defer context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })()
	err := s.segment.shipStream(ctx, drain, out, 0)
	s.segment.end(drain) // with the last line after a stop too: it cannot be read again
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("ship: standard input: %w", err)
}

// copyPlain copies the content of a log, uncompressed.
func copyPlain(out io.Writer, in io.Reader) error {
	plain, err := logfile.Open(in)
	if err != nil {
		return err
	}
	defer plain.Close()
	_, err = io.Copy(out, plain)
	return err
}

func (s *stdin) state() pathState {
	s.segment.state() // releases acknowledged lines
	return pathState{}
}

func (s *stdin) ready() error { return nil }
