package ship

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/serveflow/serveflow/internal/needs"
)

// While the state file cannot be written, shipping continues, /readyz gives the reason, and the
// old state stays on disk.
func TestCheckpointOnAFullDisk(t *testing.T) {
	h := newHarness(t)
	disk := filepath.Dir(h.cfg.State)
	h.check(os.Mkdir(disk, 0o755))
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		needs.Missing(t, "the small disk that this fills cannot be mounted, which takes root: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	h.append("serveflow.log", burst("C1", 1, 6))
	h.start()
	h.broker.records(t, "packets", 5)
	h.checkpointed(1, len(burst("C1", 1, 6)))
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 64<<10), 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	h.append("serveflow.log", burst("C1", 6, 11))
	h.broker.records(t, "packets", 10)
	h.eventually("not ready", func() bool {
		err := h.s.Ready()
		return err != nil && strings.Contains(err.Error(), "cannot write the state file") && strings.Contains(err.Error(), "no space")
	})
	if at := h.saved().Files[0].Offset; at != int64(len(burst("C1", 1, 6))) {
		t.Errorf("the state moved to %d", at)
	}
	if h.metric("serveflow_ship_checkpoint_failures_total") == 0 {
		t.Error("the failure is not counted")
	}
	h.check(os.Remove(ballast))
	h.checkpointed(1, len(burst("C1", 1, 11)))
	h.eventually("ready again", func() bool { return h.s.Ready() == nil })
}
