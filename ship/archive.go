package ship

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/serveflow/serveflow/internal/decompress"
)

// archive ships a compressed file once, as a whole.
type archive struct {
	segment  segment
	resumeAt int64 // offset in the uncompressed data; what is below was shipped before
}

// newArchive builds an archive. Its state may say that the file was shipped before, as a whole
// or in part.
func newArchive(o *output, path string, at inode, head []byte, st pathState) *archive {
	a := &archive{segment: segment{feed: feed{out: o, path: path}, inode: at, head: head}}
	if len(st.Files) == 1 && st.Files[0].identity() == identify(at, head) {
		a.resumeAt, a.segment.ended = st.Files[0].Offset, st.Files[0].Done
		a.segment.feed.inFlight.next = a.resumeAt
	}
	return a
}

func (a *archive) run(ctx, drain context.Context) error {
	f, err := os.Open(a.segment.feed.path)
	if err != nil {
		return err
	}
	defer f.Close()
	if a.segment.ended {
		a.segment.feed.out.log.Info("shipped before: to ship it again, name another state file", "path", a.segment.feed.path)
		return nil
	}
	plain, err := decompress.NewReader(f)
	if err != nil {
		return fmt.Errorf("ship: %s: %w", a.segment.feed.path, err)
	}
	defer plain.Close()
	err = a.segment.shipStream(ctx, drain, plain, a.resumeAt)
	switch {
	case ctx.Err() != nil:
		return nil // the next start continues here
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("ship: %s: what came before byte %d of what it holds is shipped: %w", a.segment.feed.path, a.segment.lines.offset, err)
	}
	a.segment.end(drain)
	return nil
}

func (a *archive) state() pathState {
	st, done := a.segment.state()
	st.Header, st.Size, st.Done = 0, st.Offset, done
	return pathState{Files: []fileState{st}}
}

func (a *archive) ready() error { return nil }
