package ship

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/serveflow/serveflow/flow/capture"
)

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
