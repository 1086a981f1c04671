package ship

import (
	"context"
	"io"
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
