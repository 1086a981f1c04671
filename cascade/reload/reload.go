// Package reload watches the folders of bundles for other ones to serve.
//
// It looks at each folder every few seconds, rather than being told by the file system: that
// works where the folder is a symbolic link, a Kubernetes volume or on NFS too.
package reload

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/serveflow/serveflow/cascade/bundle"
)

// ErrLater says that a bundle cannot be taken yet. That is no refusal: it is tried again.
var ErrLater = errors.New("not yet")

// again is how soon a bundle that cannot be taken yet is tried again where nothing else says
// when to look.
const again = time.Second

// Folder is where the bundle of a task lies.
type Folder struct {
	Task   string
	Dir    string // a link is followed anew each time
	Digest string // of the bundle that is served
	// Load tries the bundle in Dir out, and serves it. The digest is the one that was seen
	// there. It gives the digest of what is served now. After an error, that is what was
	// served before: the error is ErrLater, that of ctx, or why the bundle is refused.
	Load func(ctx context.Context, digest string) (string, error)
}

// Watcher watches folders.
type Watcher struct {
	every   time.Duration
	metrics *Metrics
	log     *slog.Logger
	folders []*watched
	leftOut []string // a line for each task without a bundle

	mu      sync.Mutex
	refused map[string]error // by task: why the bundle in its folder is not served
}

// watched is a folder with what was last seen there.
type watched struct {
	folder  Folder
	seen    bundle.Fingerprint
	tried   bundle.Fingerprint // what was refused
	waiting bool               // for ErrLater to end
}

// New builds a watcher that looks every so often; 0: only when it is asked.
func New(folders []Folder, every time.Duration, m *Metrics, log *slog.Logger) *Watcher {
	w := &Watcher{every: every, metrics: m, log: log, refused: map[string]error{}}
	for _, f := range folders {
		m.begin(f.Task)
		w.folders = append(w.folders, &watched{folder: f})
	}
	return w
}

// LeaveOut notes, before Run, that a task has no bundle since the start, and why. Its folder is
// not watched.
func (w *Watcher) LeaveOut(task string, why error) {
	w.leftOut = append(w.leftOut, "task "+task+": it is left out since the start, and no flow gets a label of it: restart once its bundle is mended: "+why.Error())
	w.metrics.stands(task, true)
}

// Run looks until ctx is done, and at once when something comes from ask.
func (w *Watcher) Run(ctx context.Context, ask <-chan os.Signal) error {
	for {
		asked := false
		select {
		case <-ctx.Done():
			return nil
		case <-ask:
			asked = true
		case <-w.due():
		}
		for _, f := range w.folders {
			w.look(ctx, f, asked)
		}
	}
}

// due tells when to look next without being asked.
func (w *Watcher) due() <-chan time.Time {
	waits := slices.ContainsFunc(w.folders, func(f *watched) bool { return f.waiting })
	switch {
	case w.every > 0:
		return time.After(w.every)
	case waits:
		return time.After(again)
	}
	return nil
}

// Note says in words which bundles are refused and which tasks left out; empty if none is.
func (w *Watcher) Note() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := slices.Clone(w.leftOut)
	for _, f := range w.folders {
		if err := w.refused[f.folder.Task]; err != nil {
			all = append(all, "task "+f.folder.Task+": the bundle in its folder is refused, and the one before it serves on: "+err.Error())
		}
	}
	return strings.Join(all, "\n")
}

// look has a bundle loaded that is not the one that is served. Unless it is asked to, it
// waits until the folder has not changed from one look to the next, so that one that is
// being written is left alone; and it tries what was refused again only if anything changed.
func (w *Watcher) look(ctx context.Context, f *watched, asked bool) {
	now := bundle.FingerprintOf(f.folder.Dir)
	rested := now == f.seen
	f.seen = now
	switch {
	case now.Digest == f.folder.Digest:
		w.isServed(f, asked)
	case asked || f.waiting || rested && now != f.tried:
		w.load(ctx, f, now)
	}
}

// isServed notes that the folder has what is served.
func (w *Watcher) isServed(f *watched, asked bool) {
	refused := f.tried != bundle.Fingerprint{}
	f.tried, f.waiting = bundle.Fingerprint{}, false
	if refused || asked {
		w.log.Info("the folder has the bundle that is served", "task", f.folder.Task, "folder", f.folder.Dir, "digest", f.folder.Digest)
	}
	w.refuse(f, nil)
}

// load has the bundle loaded that looks as now says.
func (w *Watcher) load(ctx context.Context, f *watched, now bundle.Fingerprint) {
	digest, err := f.folder.Load(ctx, now.Digest)
	log := w.log.With("task", f.folder.Task, "folder", f.folder.Dir)
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, ErrLater):
		if !f.waiting {
			log.Info("a new bundle waits", "digest", now.Digest, "err", err)
		}
		f.waiting = true
	case err != nil:
		f.tried, f.waiting = now, false
		w.refuse(f, err)
		w.metrics.refused(f.folder.Task)
		log.Error("a new bundle is refused, and the one before it serves on", "serving", f.folder.Digest, "err", err)
	default:
		log.Info("another bundle is served: new flows begin with it", "digest", digest, "before", f.folder.Digest)
		f.folder.Digest, f.tried, f.waiting = digest, bundle.Fingerprint{}, false
		w.refuse(f, nil)
		w.metrics.swapped(f.folder.Task)
	}
}

// refuse notes why the bundle in a folder is not served; nil: it is.
func (w *Watcher) refuse(f *watched, why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused[f.folder.Task] = why
	w.metrics.stands(f.folder.Task, why != nil)
}
