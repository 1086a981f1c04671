package ship

import (
	"context"
	"io"
)

// shipStream sends the lines of in, until in ends or fails, or ctx is done. It skips the lines
// below offset from, which were sent before. It does not send a last line without a newline.
func (s *segment) shipStream(ctx, drain context.Context, in io.Reader, from int64) error {
	for ctx.Err() == nil {
		n, err := in.Read(s.lines.space())
		s.lines.add(n)
		for drain.Err() == nil {
			l, ok := s.lines.next()
			if !ok {
				break
			}
			if l.next <= from {
				s.feed.parser.Header(l.text) // an error in it was told the first time
				continue
			}
			s.feed.send(drain, l)
		}
		s.feed.lane.pass(ctx, drain, false)
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
