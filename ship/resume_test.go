package ship

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/sink/deadletter"
)

// crash stops a shipper like kill -9: it saves no state any more.
func (h *harness) crash() {
	h.t.Helper()
	text, err := os.ReadFile(h.cfg.State)
	h.check(err)
	h.broker.set(false, false) // a withheld acknowledgement would hold the drain up
	h.s.cfg.DrainTimeout = 0
	h.s.out.log.Info("crash")
	for _, acker := range h.broker.unacked {
		acker.Ack()
	}
	h.broker.unacked = nil
	h.stop()
	h.check(os.WriteFile(h.cfg.State, text, 0o644))
}

// saved returns the state file's entry of the followed log.
func (h *harness) saved() pathState {
	h.t.Helper()
	var st state
	text, err := os.ReadFile(h.cfg.State)
	if errors.Is(err, os.ErrNotExist) {
		return pathState{}
	}
	h.check(err)
	h.check(json.Unmarshal(text, &st))
	return st.Paths[h.path("serveflow.log")]
}

// checkpointed waits until the state file has n files and the first is acknowledged up to offset.
func (h *harness) checkpointed(n int, offset int) {
	h.t.Helper()
	h.eventually(fmt.Sprintf("a checkpoint of %d files at %d", n, offset), func() bool {
		files := h.saved().Files
		return len(files) == n && files[0].Offset == int64(offset)
	})
}

func TestResumeWhereItWas(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 11))
	h.start()
	h.broker.records(t, "packets", 10)
	h.check(h.stop())
	h.append("serveflow.log", burst("C1", 11, 21))
	h.start()
	h.checkOrder(h.broker.records(t, "packets", 20), "C1", 20)
}

// After a crash only acknowledged lines are skipped. The others come twice.
func TestUnacknowledgedIsShippedAgain(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 6))
	h.start()
	h.broker.records(t, "packets", 5)
	h.checkpointed(1, len(burst("C1", 1, 6)))
	h.broker.set(false, true)
	h.append("serveflow.log", burst("C1", 6, 9))
	h.broker.records(t, "packets", 8)
	h.broker.mu.Lock()
	h.broker.unacked[1].Ack() // the second of three: the first still keeps the offset back
	h.broker.unacked = append(h.broker.unacked[:1], h.broker.unacked[2:]...)
	h.broker.mu.Unlock()
	h.crash()
	h.start()
	values := h.broker.records(t, "packets", 11)
	h.checkOrder(append(values[:5:5], values[8:]...), "C1", 8)
}

// While no shipper runs the log is rotated three times.
func TestResumeOverRotations(t *testing.T) {
	for _, crash := range []bool{false, true} {
		h := newHarness(t)
		h.append("serveflow.log", burst("C1", 1, 6))
		h.start()
		h.broker.records(t, "packets", 5)
		h.checkpointed(1, len(burst("C1", 1, 6)))
		if crash {
			h.crash()
		} else {
			h.check(h.stop())
		}
		for i := range 3 {
			h.append("serveflow.log", burst("C1", 6+5*i, 11+5*i))
			h.rename("serveflow.log", fmt.Sprintf("serveflow.2026-11-24-10-00-0%d.log", i))
		}
		h.append("serveflow-summary.log", "another log\n")
		h.append("serveflow.log", burst("C1", 21, 26))
		h.start()
		h.checkOrder(h.broker.records(t, "packets", 25), "C1", 25)
		if n := h.metric("serveflow_ship_files_gone_total"); n != 0 {
			t.Errorf("%v files are said to be gone", n)
		}
		h.check(h.stop())
	}
}

// A copy that was made before a truncation is found by its beginning.
func TestResumeOverCopyTruncate(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 6))
	h.start()
	h.broker.records(t, "packets", 5)
	h.check(h.stop())
	h.append("serveflow.log", burst("C1", 6, 11))
	whole, err := os.ReadFile(h.path("serveflow.log"))
	h.check(err)
	h.check(os.WriteFile(h.path("serveflow.log.1"), whole, 0o644))
	h.check(os.Truncate(h.path("serveflow.log"), 0))
	h.append("serveflow.log", burst("C1", 11, 40))
	h.start()
	h.checkOrder(h.broker.records(t, "packets", 39), "C1", 39)
}

// A file that is gone is reported with what is known of it, and the new file is read. That may
// have the old one's inode.
func TestFileIsGone(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 6))
	h.start()
	h.broker.records(t, "packets", 5)
	h.broker.set(false, true)
	h.append("serveflow.log", burst("C1", 6, 8))
	h.broker.records(t, "packets", 7)
	h.eventually("the size is saved", func() bool {
		files := h.saved().Files
		return len(files) == 1 && files[0].Size == int64(len(burst("C1", 1, 8)))
	})
	h.crash()
	files := h.saved().Files
	h.check(os.Remove(h.path("serveflow.log")))
	h.append("serveflow.log", burst("C1", 8, 20))
	info, err := os.Stat(h.path("serveflow.log"))
	h.check(err)
	t.Logf("inode reused: %v", inodeOf(info) == files[0].identity().inode)
	h.start()
	values := h.broker.records(t, "packets", 19)
	if values[7] != record("C1", 8) || len(values) != 19 {
		t.Errorf("%d records, the 8th is %s", len(values), values[7])
	}
	if n := h.metric("serveflow_ship_unknown_bytes_total"); n != float64(len(burst("C1", 6, 8))) {
		t.Errorf("%v bytes unknown", n)
	}
}

// The same inode with another beginning is another file.
func TestInodeIsReused(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 6))
	h.start()
	h.broker.records(t, "packets", 5)
	h.check(h.stop())
	h.check(os.WriteFile(h.path("serveflow.log"), []byte(burst("C2", 1, 10)), 0o644)) // keeps the inode
	h.start()
	h.checkOrder(h.broker.records(t, "packets", 14)[5:], "C2", 9)
	if n := h.metric("serveflow_ship_files_gone_total"); n != 1 {
		t.Errorf("%v files gone", n)
	}
}

func TestCompressedBeforeItWasRead(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 6))
	h.start()
	h.broker.records(t, "packets", 5)
	h.check(h.stop())
	h.append("serveflow-1.log.gz", zipped(t, burst("C1", 6, 8)))
	h.rename("serveflow.log", "serveflow-0.log")
	h.append("serveflow.log", burst("C1", 8, 9))
	h.start()
	h.broker.records(t, "packets", 6)
	h.eventually("the archive is told of", func() bool { return h.metric("serveflow_ship_files_gone_total") == 1 })
}

func TestSecondShipperEndsAtOnce(t *testing.T) {
	h := newHarness(t).start()
	_, err := Open(h.cfg, nil, h.broker, deadletter.New(h.broker, deadTopic), NewMetrics(prometheus.NewRegistry()), h.s.out.log)
	if err == nil || !strings.Contains(err.Error(), h.cfg.State) || !strings.Contains(err.Error(), "another shipper") {
		t.Errorf("got %v", err)
	}
}

// Two shippers with different state files both write everything, and disturb neither the log
// nor each other.
func TestTwoShippersOnOneLog(t *testing.T) {
	one, two := newHarness(t), newHarness(t)
	two.cfg.Paths = one.cfg.Paths
	one.append("serveflow.log", burst("C1", 1, 11))
	one.start()
	two.start()
	one.append("serveflow.log", burst("C1", 11, 21))
	for _, h := range []*harness{one, two} {
		if got := strings.Join(h.broker.records(t, "packets", 20), "\n") + "\n"; got != burst("C1", 1, 21) {
			t.Errorf("got %s", got)
		}
	}
}

func TestDamagedStateIsRefused(t *testing.T) {
	for text, want := range map[string]string{"": "unexpected end", "{}": "version is 0", "{\"version\":1,": "unexpected end"} {
		h := newHarness(t)
		h.check(os.MkdirAll(filepath.Dir(h.cfg.State), 0o755))
		h.check(os.WriteFile(h.cfg.State, []byte(text), 0o644))
		_, err := Open(h.cfg, nil, h.broker, deadletter.New(h.broker, deadTopic), NewMetrics(prometheus.NewRegistry()), nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), h.cfg.State) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
