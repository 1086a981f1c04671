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

// crash ends a shipper as kill -9 would: nothing is saved any more.
func (r *rig) crash() {
	r.t.Helper()
	text, err := os.ReadFile(r.cfg.State)
	r.check(err)
	r.broker.set(false, false) // a withheld acknowledgement would hold the drain up
	r.s.cfg.DrainTimeout = 0
	r.s.outlet.log.Info("crash")
	for _, pin := range r.broker.unacked {
		pin.Ack()
	}
	r.broker.unacked = nil
	r.stop()
	r.check(os.WriteFile(r.cfg.State, text, 0o644))
}

// saved is the state file's entry of the followed log.
func (r *rig) saved() pathState {
	r.t.Helper()
	var st state
	text, err := os.ReadFile(r.cfg.State)
	if errors.Is(err, os.ErrNotExist) {
		return pathState{}
	}
	r.check(err)
	r.check(json.Unmarshal(text, &st))
	return st.Paths[r.path("serveflow.log")]
}

// checkpointed waits until the state file says that n files are known and the
// first is written up to offset.
func (r *rig) checkpointed(n int, offset int) {
	r.t.Helper()
	r.eventually(fmt.Sprintf("a checkpoint of %d files at %d", n, offset), func() bool {
		files := r.saved().Files
		return len(files) == n && files[0].Offset == int64(offset)
	})
}

func TestResumeWhereItWas(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 11))
	r.start()
	r.broker.records(t, "packets", 10)
	r.check(r.stop())
	r.append("serveflow.log", burst("C1", 11, 21))
	r.start()
	r.inOrder(r.broker.records(t, "packets", 20), "C1", 20)
}

// Only what is acknowledged is passed by after a crash: the rest comes twice.
func TestUnacknowledgedIsShippedAgain(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 6))
	r.start()
	r.broker.records(t, "packets", 5)
	r.checkpointed(1, len(burst("C1", 1, 6)))
	r.broker.set(false, true)
	r.append("serveflow.log", burst("C1", 6, 9))
	r.broker.records(t, "packets", 8)
	r.broker.mu.Lock()
	r.broker.unacked[1].Ack() // the second of three: the first still holds the place
	r.broker.unacked = append(r.broker.unacked[:1], r.broker.unacked[2:]...)
	r.broker.mu.Unlock()
	r.crash()
	r.start()
	values := r.broker.records(t, "packets", 11)
	r.inOrder(append(values[:5:5], values[8:]...), "C1", 8)
}

// While no shipper runs the log is rotated three times.
func TestResumeOverRotations(t *testing.T) {
	for _, crash := range []bool{false, true} {
		r := newRig(t)
		r.append("serveflow.log", burst("C1", 1, 6))
		r.start()
		r.broker.records(t, "packets", 5)
		r.checkpointed(1, len(burst("C1", 1, 6)))
		if crash {
			r.crash()
		} else {
			r.check(r.stop())
		}
		for i := range 3 {
			r.append("serveflow.log", burst("C1", 6+5*i, 11+5*i))
			r.rename("serveflow.log", fmt.Sprintf("serveflow.2026-11-24-10-00-0%d.log", i))
		}
		r.append("serveflow-summary.log", "another log\n")
		r.append("serveflow.log", burst("C1", 21, 26))
		r.start()
		r.inOrder(r.broker.records(t, "packets", 25), "C1", 25)
		if n := r.metric("serveflow_ship_files_gone_total"); n != 0 {
			t.Errorf("%v files are said to be gone", n)
		}
		r.check(r.stop())
	}
}

// A copy made before a truncation is found by its beginning.
func TestResumeOverCopyTruncate(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 6))
	r.start()
	r.broker.records(t, "packets", 5)
	r.check(r.stop())
	r.append("serveflow.log", burst("C1", 6, 11))
	whole, err := os.ReadFile(r.path("serveflow.log"))
	r.check(err)
	r.check(os.WriteFile(r.path("serveflow.log.1"), whole, 0o644))
	r.check(os.Truncate(r.path("serveflow.log"), 0))
	r.append("serveflow.log", burst("C1", 11, 40))
	r.start()
	r.inOrder(r.broker.records(t, "packets", 39), "C1", 39)
}

// A file that is gone is told with what is known of it, and the new one is read.
// The new one may have the old one's inode.
func TestFileIsGone(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 6))
	r.start()
	r.broker.records(t, "packets", 5)
	r.broker.set(false, true)
	r.append("serveflow.log", burst("C1", 6, 8))
	r.broker.records(t, "packets", 7)
	r.eventually("the size is saved", func() bool {
		files := r.saved().Files
		return len(files) == 1 && files[0].Size == int64(len(burst("C1", 1, 8)))
	})
	r.crash()
	files := r.saved().Files
	r.check(os.Remove(r.path("serveflow.log")))
	r.append("serveflow.log", burst("C1", 8, 20))
	info, err := os.Stat(r.path("serveflow.log"))
	r.check(err)
	t.Logf("inode reused: %v", inodeOf(info) == files[0].inode)
	r.start()
	values := r.broker.records(t, "packets", 19)
	if values[7] != record("C1", 8) || len(values) != 19 {
		t.Errorf("%d records, the 8th is %s", len(values), values[7])
	}
	if n := r.metric("serveflow_ship_unknown_bytes_total"); n != float64(len(burst("C1", 6, 8))) {
		t.Errorf("%v bytes unknown", n)
	}
}

// The same inode with another beginning is another file.
func TestInodeIsReused(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 6))
	r.start()
	r.broker.records(t, "packets", 5)
	r.check(r.stop())
	r.check(os.WriteFile(r.path("serveflow.log"), []byte(burst("C2", 1, 10)), 0o644)) // keeps the inode
	r.start()
	r.inOrder(r.broker.records(t, "packets", 14)[5:], "C2", 9)
	if n := r.metric("serveflow_ship_files_gone_total"); n != 1 {
		t.Errorf("%v files gone", n)
	}
}

func TestCompressedBeforeItWasRead(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 6))
	r.start()
	r.broker.records(t, "packets", 5)
	r.check(r.stop())
	r.append("serveflow-1.log.gz", zipped(t, burst("C1", 6, 8)))
	r.rename("serveflow.log", "serveflow-0.log")
	r.append("serveflow.log", burst("C1", 8, 9))
	r.start()
	r.broker.records(t, "packets", 6)
	r.eventually("the archive is told of", func() bool { return r.metric("serveflow_ship_files_gone_total") == 1 })
}

func TestSecondShipperEndsAtOnce(t *testing.T) {
	r := newRig(t).start()
	_, err := Open(r.cfg, nil, r.broker, deadletter.New(r.broker, deadTopic), NewMetrics(prometheus.NewRegistry()), r.s.outlet.log)
	if err == nil || !strings.Contains(err.Error(), r.cfg.State) || !strings.Contains(err.Error(), "another shipper") {
		t.Errorf("got %v", err)
	}
}

// Two shippers that know nothing of each other write everything twice, and harm
// neither the log nor each other.
func TestTwoShippersOnOneLog(t *testing.T) {
	one, two := newRig(t), newRig(t)
	two.cfg.Paths = one.cfg.Paths
	one.append("serveflow.log", burst("C1", 1, 11))
	one.start()
	two.start()
	one.append("serveflow.log", burst("C1", 11, 21))
	for _, r := range []*rig{one, two} {
		if got := strings.Join(r.broker.records(t, "packets", 20), "\n") + "\n"; got != burst("C1", 1, 21) {
			t.Errorf("got %s", got)
		}
	}
}

func TestDamagedStateIsRefused(t *testing.T) {
	for text, want := range map[string]string{"": "unexpected end", "{}": "version is 0", "{\"version\":1,": "unexpected end"} {
		r := newRig(t)
		r.check(os.MkdirAll(filepath.Dir(r.cfg.State), 0o755))
		r.check(os.WriteFile(r.cfg.State, []byte(text), 0o644))
		_, err := Open(r.cfg, nil, r.broker, deadletter.New(r.broker, deadTopic), NewMetrics(prometheus.NewRegistry()), nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), r.cfg.State) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
