package ship

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

func TestRotationDuringABurst(t *testing.T) {
	h := newHarness(t).start() // the file comes late
	const files, each = 20, 200
	for i := range files {
		h.append("serveflow.log", burst("C1", 1+i*each, 1+(i+1)*each))
		if i < files-1 {
			h.rename("serveflow.log", fmt.Sprintf("serveflow.2026-11-24-10-00-%02d.log", i))
		}
	}
	h.checkOrder(h.broker.records(t, "packets", files*each), "C1", files*each)
}

// The writer continues in the renamed file until it opens the new one, and does not finish a line
// for a while.
func TestOldFileIsReadToItsEnd(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 3))
	h.start()
	h.broker.records(t, "packets", 2)
	h.rename("serveflow.log", "elsewhere")
	h.append("serveflow.log", "") // new, and still empty
	line := record("C1", 3) + "\n"
	h.append("elsewhere", line[:40])
	h.eventually("the new file is seen", func() bool { return h.metric("serveflow_ship_rotations_total") == 1 })
	h.append("elsewhere", line[40:])
	h.broker.records(t, "packets", 3)
	h.append("elsewhere", burst("C1", 4, 6))
	h.append("serveflow.log", burst("C1", 6, 8))
	h.checkOrder(h.broker.records(t, "packets", 7), "C1", 7)
}

func TestCutLineOfARotatedFile(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 3)+`{"ev":"pkt","ts":13`)
	h.start()
	h.broker.records(t, "packets", 2)
	h.rename("serveflow.log", "serveflow.log.1")
	h.append("serveflow.log", burst("C1", 3, 4))
	h.checkOrder(h.broker.records(t, "packets", 3), "C1", 3)
	if dead := h.broker.records(t, deadTopic, 1); dead[0] != `{"ev":"pkt","ts":13` {
		t.Errorf("dead letter %q", dead)
	}
	h.wantHeaders(deadTopic, map[string]string{"reason": "cut", "topic": h.path("serveflow.log"), "offset": fmt.Sprint(len(burst("C1", 1, 3))), "stage": "ship"})
}

// A JSON object with its closing brace is whole.
func TestWholeRecordWithoutANewline(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 3)+record("C1", 3))
	h.start()
	h.broker.records(t, "packets", 2)
	h.rename("serveflow.log", "serveflow.log.1")
	h.append("serveflow.log", burst("C1", 4, 5))
	h.checkOrder(h.broker.records(t, "packets", 4), "C1", 4)
}

func (h *harness) wantHeaders(topic string, want map[string]string) {
	h.t.Helper()
	h.broker.mu.Lock()
	defer h.broker.mu.Unlock()
	for _, m := range h.broker.got {
		if m.Topic != topic {
			continue
		}
		for _, header := range m.Headers {
			if w, ok := want[header.Key]; ok && w != string(header.Value) {
				h.t.Errorf("header %s is %q, want %q", header.Key, header.Value, w)
			}
			delete(want, header.Key)
		}
	}
	if len(want) > 0 {
		h.t.Errorf("headers missing: %v", want)
	}
}

func TestTruncation(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 50))
	h.start()
	h.broker.records(t, "packets", 49)
	h.check(os.Truncate(h.path("serveflow.log"), 0))
	h.append("serveflow.log", burst("C1", 50, 52))
	h.checkOrder(h.broker.records(t, "packets", 51), "C1", 51)
	if n := h.metric("serveflow_ship_truncations_total"); n != 1 {
		t.Errorf("%v truncations", n)
	}
}

// A file that is written again and is larger than before between two polls is noticed by its
// beginning.
func TestRewrittenLarger(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 10))
	h.start()
	h.broker.records(t, "packets", 9)
	h.check(os.WriteFile(h.path("serveflow.log"), []byte(burst("C1", 10, 40)), 0o644))
	h.checkOrder(h.broker.records(t, "packets", 39), "C1", 39)
}

func TestBadLinesHarmNothingElse(t *testing.T) {
	long := `{"ev":"pkt","pad":"` + strings.Repeat("x", 2<<20) + `"}`
	bad := []string{
		"not json", `{"ev":"pkt"}`, strings.Replace(record("C1", 1), "C1", `C\n1`, 1), "\xff\xfe", `{"ev":"pkt","ts":NaN}`,
		record("C1", 0), `{"ev":"pk` + "\x00\x00" + record("C1", 1), strings.Replace(record("C1", 7), `"n":7`, `"n":9223372036854775808`, 1), long,
	}
	h := newHarness(t)
	h.append("serveflow.log", record("C1", 1)+"\n"+strings.Join(bad, "\n")+"\n"+strings.Repeat("\x00", 700<<10)+record("C1", 2)+"\n\n"+record("C1", 3)+"\n")
	h.start()
	h.checkOrder(h.broker.records(t, "packets", 3), "C1", 3)
	dead := h.broker.records(t, deadTopic, len(bad))
	for i, want := range bad {
		if want = want[:min(len(want), zeek.MaxRecord)]; dead[i] != want {
			t.Errorf("dead letter %d is %.80q, want %.80q", i, dead[i], want)
		}
	}
	h.wantHeaders(deadTopic, map[string]string{"cut": "true"})
	if n := h.metric("serveflow_ship_nul_bytes_total"); n != 700<<10 {
		t.Errorf("%v NUL bytes counted", n)
	}
	if n := h.metric("serveflow_ship_rejects_total"); n != float64(len(bad)) {
		t.Errorf("%v rejects counted", n)
	}
	h.eventually("no lag", func() bool { return h.metric("serveflow_ship_lag_bytes") == 0 })
}

func TestSeveralPathsAtOnce(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = append(h.cfg.Paths, h.path("other.log"))
	h.append("other.log", burst("C2", 1, 4))
	h.start()
	h.broker.records(t, "packets", 3)
	h.append("serveflow.log", burst("C1", 1, 4))
	h.broker.records(t, "packets", 6)
}

// A path that cannot be followed is reported, and tried again.
func TestTroubleIsSaidAndMended(t *testing.T) {
	h := newHarness(t).start()
	h.check(os.Mkdir(h.path("serveflow.log"), 0o755))
	h.eventually("trouble", func() bool { return h.s.Ready() != nil })
	if err := h.s.Ready(); !strings.Contains(err.Error(), "serveflow.log") {
		t.Error(err)
	}
	h.check(os.Remove(h.path("serveflow.log")))
	h.check(syscall.Mkfifo(h.path("serveflow.log"), 0o644))
	h.eventually("a FIFO is trouble, too", func() bool { return h.s.Ready() != nil })
	h.check(os.Remove(h.path("serveflow.log")))
	h.append("serveflow.log", burst("C1", 1, 2))
	h.broker.records(t, "packets", 1)
	h.eventually("no trouble", func() bool { return h.s.Ready() == nil })
}

// While nothing can be written, the file is rotated many times. Nothing is lost, and the shipper
// opens no more files than it may.
func TestBrokerAwayWhileFilesRotate(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 11))
	h.start()
	h.broker.records(t, "packets", 10)
	h.broker.set(true, false)
	const files = 3 * maxSegments // more than may be open at once
	for i := 1; i <= files; i++ {
		h.append("serveflow.log", burst("C1", 1+i*10, 11+i*10))
		h.eventually("seen or full", func() bool {
			f := h.s.sources[h.path("serveflow.log")].(*follower)
			f.mu.Lock()
			defer f.mu.Unlock()
			return len(f.segments) >= min(i, maxSegments)
		})
		h.rename("serveflow.log", fmt.Sprintf("serveflow-26-11-24_10.%02d.00.log", i))
	}
	h.append("serveflow.log", burst("C1", 11+files*10, 21+files*10))
	h.broker.set(false, false)
	values := h.broker.records(t, "packets", 20+files*10)
	seen := map[string]bool{}
	for _, v := range values {
		seen[v] = true
	}
	for n := 1; n <= 20+files*10; n++ {
		if !seen[record("C1", n)] {
			t.Errorf("record %d is lost", n)
		}
	}
}

// A log that is followed itself is no rotated file of another, whatever it is called, nor are its
// own rotated files: two loggers may write serveflow.log and serveflow-1.log into one folder.
func TestFollowedLogIsNoRotatedFile(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{h.path("serveflow.log"), h.path("serveflow-1.log")}
	h.append("serveflow.log", burst("C1", 1, 3))
	h.append("serveflow-1.log", burst("C2", 1, 3))
	h.start()
	h.broker.records(t, "packets", 4)
	h.append("serveflow-1.log", burst("C2", 3, 4))
	h.broker.records(t, "packets", 5)
	h.rename("serveflow-1.log", "serveflow-1.log.1")
	h.append("serveflow-1.log", burst("C2", 4, 5))
	h.broker.records(t, "packets", 6)
	h.rename("serveflow.log", "serveflow.log.1")
	h.append("serveflow.log", burst("C1", 3, 4))
	h.broker.records(t, "packets", 7)
	h.check(h.stop()) // drains
	var second []string
	for _, value := range h.broker.records(t, "packets", 7) {
		if strings.Contains(value, "C2") {
			second = append(second, value)
		}
	}
	h.checkOrder(second, "C2", 4)
}

// Rotated files are told apart by the folders and names of all paths.
func TestWhoseRotatedFileItIs(t *testing.T) {
	f := &follower{path: "/logger-1/serveflow.log", named: []string{"/logger-1/serveflow.log", "/logger-10/serveflow.log", "/logger-1/serveflow-1.log", "/logger-1/s.log"}}
	for name, want := range map[string]bool{"serveflow.log.1": true, "serveflow.2026-11-24-10-00-00.log": true, "serveflow-26-11-24_10.00.00.log": true,
		"serveflow-1.log": false, "serveflow-1.log.1": false, "serveflow-1.2026-11-24-10-00-00.log": false, "serveflow-2.log": true, "s.log.1": false} {
		if got := f.isRotated("/logger-1/" + name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
