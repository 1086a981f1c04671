package ship

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/serveflow/serveflow/flow/capture"
)

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
