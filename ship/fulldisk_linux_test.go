package ship

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// While the checkpoint cannot be written, shipping goes on, /readyz says why, and
// the state on disk stays what it was.
func TestCheckpointOnAFullDisk(t *testing.T) {
	r := newRig(t)
	disk := filepath.Dir(r.cfg.State)
	r.check(os.Mkdir(disk, 0o755))
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		if os.Getenv("TESTS_MUST_NOT_SKIP") == "1" {
			t.Fatal(err)
		}
		t.Skipf("the small disk that this fills cannot be mounted, which takes root: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	r.append("serveflow.log", burst("C1", 1, 6))
	r.start()
	r.broker.records(t, "packets", 5)
	r.checkpointed(1, len(burst("C1", 1, 6)))
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 64<<10), 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	r.append("serveflow.log", burst("C1", 6, 11))
	r.broker.records(t, "packets", 10)
	r.eventually("not ready", func() bool {
		err := r.s.Ready()
		return err != nil && strings.Contains(err.Error(), "cannot write the state file") && strings.Contains(err.Error(), "no space")
	})
	if at := r.saved().Files[0].Offset; at != int64(len(burst("C1", 1, 6))) {
		t.Errorf("the state moved to %d", at)
	}
	if r.metric("serveflow_ship_checkpoint_failures_total") == 0 {
		t.Error("the failure is not counted")
	}
	r.check(os.Remove(ballast))
	r.checkpointed(1, len(burst("C1", 1, 11)))
	r.eventually("ready again", func() bool { return r.s.Ready() == nil })
}
