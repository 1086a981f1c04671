package reload

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/internal/metricstest"
)

// TestMain fails if a goroutine is left after the tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a watcher of one folder, which is a link. What is loaded is served, unless fault says why not.
type rig struct {
	t       *testing.T
	watcher *Watcher
	link    string
	reg     *prometheus.Registry
	log     bytes.Buffer
	fault   atomic.Pointer[error] // what load fails with
	loads   atomic.Int64
}

func newRig(t *testing.T, every time.Duration) *rig {
	r := &rig{t: t, link: filepath.Join(t.TempDir(), "..data"), reg: prometheus.NewRegistry()}
	r.point(r.folder("a"))
	r.watcher = New([]Folder{{Task: "service", Dir: r.link, Digest: bundle.FingerprintOf(r.link).Digest, Load: r.load}}, every,
		NewMetrics(r.reg), slog.New(slog.NewTextHandler(&r.log, nil)))
	return r
}

func (r *rig) load(_ context.Context, digest string) (string, error) {
	r.loads.Add(1)
	if fault := r.fault.Load(); fault != nil {
		return digest, *fault
	}
	return digest, nil
}

// fails has loads fail; nil has them succeed.
func (r *rig) fails(err error) { r.fault.Store(&err) }

// folder makes a folder with a manifest of its own.
func (r *rig) folder(manifest string) string {
	dir := r.t.TempDir()
	r.write(dir, "manifest.json", manifest)
	return dir
}

func (r *rig) write(dir, name, content string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// point has the link lead to a folder, as Kubernetes does it: by a rename.
func (r *rig) point(dir string) {
	r.t.Helper()
	if err := errors.Join(os.Symlink(dir, r.link+"_tmp"), os.Rename(r.link+"_tmp", r.link)); err != nil {
		r.t.Fatal(err)
	}
}

// looks looks some times, and gives how often the bundle was loaded.
func (r *rig) looks(times int) int {
	r.loads.Store(0)
	for range times {
		r.watcher.look(r.t.Context(), r.watcher.folders[0], false)
	}
	return int(r.loads.Load())
}

func (r *rig) expect(what string, got, want int) {
	r.t.Helper()
	if got != want {
		r.t.Errorf("%s: %d loads, want %d", what, got, want)
	}
}

// metrics gives how many bundles were refused, and whether one is now.
func (r *rig) metrics() (refused, stands float64) {
	all := metricstest.Values(r.t, r.reg)
	return all["serveflow_bundle_reloads_total{refused,service}"], all["serveflow_bundle_refused{service}"]
}

// A task without a bundle is told of, above what is refused later; and it is not loaded.
func TestALeftOutTaskIsToldOf(t *testing.T) {
	r := newRig(t, time.Second)
	r.watcher.LeaveOut("device", errors.New("bundle device: there is none"))
	const left = "task device: it is left out since the start, and no flow gets a label of it: restart once its bundle is mended: bundle device: there is none"
	r.expect("what is served", r.looks(2), 0)
	if note := r.watcher.Note(); note != left {
		t.Errorf("note %q", note)
	}
	r.point(r.folder("b"))
	r.fails(errors.New("bundle b: no"))
	r.looks(2)
	if note := r.watcher.Note(); !strings.HasPrefix(note, left+"\ntask service: the bundle in its folder is refused") {
		t.Errorf("note %q", note)
	}
	if all := metricstest.Values(t, r.reg); all["serveflow_bundle_refused{device}"] != 1 || all["serveflow_bundle_refused{service}"] != 1 {
		t.Errorf("%v", all)
	}
}

func TestWhatChangesIsLoadedOnce(t *testing.T) {
	r := newRig(t, time.Second)
	a, _ := filepath.EvalSymlinks(r.link)
	r.expect("what is served", r.looks(3), 0)
	b := r.folder("b")
	r.point(b)
	r.expect("the first look at another one", r.looks(1), 0)
	r.expect("the next ones", r.looks(3), 1)
	r.write(b, "notes.txt", "beside the bundle")
	r.expect("another file beside it", r.looks(3), 0)
	os.Remove(filepath.Join(b, "notes.txt"))
	r.point(a)
	r.expect("back again", r.looks(3), 1)
	if n := strings.Count(r.log.String(), "another bundle is served"); n != 2 || r.watcher.Note() != "" {
		t.Errorf("said %d times, note %q:\n%s", n, r.watcher.Note(), r.log.String())
	}
}

// One that is being written is left alone while it grows. One that is refused is said once,
// and tried again when anything has changed.
func TestARefusedBundleIsTriedAgainWhenItChanges(t *testing.T) {
	r := newRig(t, time.Second)
	a, _ := filepath.EvalSymlinks(r.link)
	b := r.folder("b")
	r.point(b)
	r.fails(errors.New("bundle b: model.txt: the manifest lists it, but it is not there"))
	for i := range 3 {
		r.expect("while it grows", r.looks(1), 0)
		r.write(b, "model.txt", strings.Repeat("x", i))
	}
	r.expect("where it has rested half written", r.looks(5), 1)
	if n := strings.Count(r.log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d lines:\n%s", n, r.log.String())
	}
	want := "task service: the bundle in its folder is refused, and the one before it serves on: " + (*r.fault.Load()).Error()
	if note := r.watcher.Note(); note != want {
		t.Errorf("note %q, want %q", note, want)
	}
	if refused, stands := r.metrics(); refused != 1 || stands != 1 {
		t.Errorf("metrics say %v and %v, want 1 and 1", refused, stands)
	}
	r.write(b, "model.txt", "whole")
	r.fails(nil)
	r.expect("when it is whole", r.looks(3), 1)
	if _, stands := r.metrics(); r.watcher.Note() != "" || stands != 0 {
		t.Errorf("note %q, metric %v, when it is served", r.watcher.Note(), stands)
	}
	r.fails(errors.New("damaged"))
	r.point(r.folder("c"))
	r.expect("another one", r.looks(5), 1)
	r.point(b)
	r.expect("back to what is served", r.looks(5), 0)
	if note := r.watcher.Note(); note != "" {
		t.Errorf("note %q, when the folder has what is served", note)
	}
	os.Remove(r.link)
	r.expect("no folder", r.looks(5), 1)
	r.fails(nil)
	r.point(a)
	r.expect("the first one", r.looks(5), 1)
}

// A bundle that has to wait is tried again at each look, and is no refusal.
func TestABundleThatMustWait(t *testing.T) {
	r := newRig(t, time.Second)
	r.point(r.folder("b"))
	r.fails(ErrLater)
	r.expect("while it must wait", r.looks(4), 3)
	if n := strings.Count(r.log.String(), "a new bundle waits"); n != 1 || strings.Contains(r.log.String(), "ERROR") || r.watcher.Note() != "" {
		t.Errorf("said %d times, note %q:\n%s", n, r.watcher.Note(), r.log.String())
	}
	r.fails(nil)
	r.expect("then", r.looks(4), 1)
}

// A signal has the folder looked at at once, and what was refused tried again. Without a
// time, nothing else does; what must wait is tried again all the same.
func TestRunLooksWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		ctx, stop := context.WithCancel(t.Context())
		ask := make(chan os.Signal)
		ended := make(chan error)
		go func() { ended <- r.watcher.Run(ctx, ask) }()
		r.point(r.folder("b"))
		r.fails(errors.New("damaged"))
		time.Sleep(time.Hour)
		synctest.Wait()
		r.expect("unasked", int(r.loads.Load()), 0)
		for range 2 {
			ask <- syscall.SIGHUP
			synctest.Wait()
		}
		r.expect("asked twice", int(r.loads.Load()), 2)
		r.fails(ErrLater)
		ask <- syscall.SIGHUP
		time.Sleep(10*again + again/2)
		synctest.Wait()
		r.expect("asked once while it must wait", int(r.loads.Load()), 13)
		r.fails(nil)
		time.Sleep(10 * again)
		synctest.Wait()
		r.expect("then", int(r.loads.Load()), 14)
		ask <- syscall.SIGHUP
		synctest.Wait()
		r.expect("asked when it is served", int(r.loads.Load()), 14)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestRunLooksEverySoOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 5*time.Second)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.watcher.Run(ctx, nil) }()
		r.point(r.folder("b"))
		time.Sleep(9 * time.Second)
		synctest.Wait()
		r.expect("after one look", int(r.loads.Load()), 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		r.expect("after the second", int(r.loads.Load()), 1)
		stop()
		<-ended
	})
}
