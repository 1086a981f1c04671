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
	r := newRig(t).start() // the file comes late
	const files, each = 20, 200
	for i := range files {
		r.append("serveflow.log", burst("C1", 1+i*each, 1+(i+1)*each))
		if i < files-1 {
			r.rename("serveflow.log", fmt.Sprintf("serveflow.2026-11-24-10-00-%02d.log", i))
		}
	}
	r.inOrder(r.broker.records(t, "packets", files*each), "C1", files*each)
}

// The writer goes on in the renamed file until it opens the new one, and leaves
// a line unfinished for a while.
func TestOldFileIsReadToItsEnd(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 3))
	r.start()
	r.broker.records(t, "packets", 2)
	r.rename("serveflow.log", "elsewhere")
	r.append("serveflow.log", "") // new, and still empty
	line := record("C1", 3) + "\n"
	r.append("elsewhere", line[:40])
	r.eventually("the new file is seen", func() bool { return r.metric("serveflow_ship_rotations_total") == 1 })
	r.append("elsewhere", line[40:])
	r.broker.records(t, "packets", 3)
	r.append("elsewhere", burst("C1", 4, 6))
	r.append("serveflow.log", burst("C1", 6, 8))
	r.inOrder(r.broker.records(t, "packets", 7), "C1", 7)
}

func TestCutLineOfARotatedFile(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 3)+`{"ev":"pkt","ts":13`)
	r.start()
	r.broker.records(t, "packets", 2)
	r.rename("serveflow.log", "serveflow.log.1")
	r.append("serveflow.log", burst("C1", 3, 4))
	r.inOrder(r.broker.records(t, "packets", 3), "C1", 3)
	if dead := r.broker.records(t, deadTopic, 1); dead[0] != `{"ev":"pkt","ts":13` {
		t.Errorf("dead letter %q", dead)
	}
	r.wantHeaders(deadTopic, map[string]string{"reason": "cut", "topic": r.path("serveflow.log"), "offset": fmt.Sprint(len(burst("C1", 1, 3))), "stage": "ship"})
}

// A whole object proves itself by its closing brace.
func TestWholeRecordWithoutANewline(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 3)+record("C1", 3))
	r.start()
	r.broker.records(t, "packets", 2)
	r.rename("serveflow.log", "serveflow.log.1")
	r.append("serveflow.log", burst("C1", 4, 5))
	r.inOrder(r.broker.records(t, "packets", 4), "C1", 4)
}

func (r *rig) wantHeaders(topic string, want map[string]string) {
	r.t.Helper()
	r.broker.mu.Lock()
	defer r.broker.mu.Unlock()
	for _, m := range r.broker.got {
		if m.Topic != topic {
			continue
		}
		for _, h := range m.Headers {
			if w, ok := want[h.Key]; ok && w != string(h.Value) {
				r.t.Errorf("header %s is %q, want %q", h.Key, h.Value, w)
			}
			delete(want, h.Key)
		}
	}
	if len(want) > 0 {
		r.t.Errorf("headers missing: %v", want)
	}
}

func TestTruncation(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 50))
	r.start()
	r.broker.records(t, "packets", 49)
	r.check(os.Truncate(r.path("serveflow.log"), 0))
	r.append("serveflow.log", burst("C1", 50, 52))
	r.inOrder(r.broker.records(t, "packets", 51), "C1", 51)
	if n := r.metric("serveflow_ship_truncations_total"); n != 1 {
		t.Errorf("%v truncations", n)
	}
}

// A file that is written again and larger than before between two looks is told
// by its beginning.
func TestRewrittenLarger(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 10))
	r.start()
	r.broker.records(t, "packets", 9)
	r.check(os.WriteFile(r.path("serveflow.log"), []byte(burst("C1", 10, 40)), 0o644))
	r.inOrder(r.broker.records(t, "packets", 39), "C1", 39)
}

func TestBadLinesHarmNothingElse(t *testing.T) {
	long := `{"ev":"pkt","pad":"` + strings.Repeat("x", 2<<20) + `"}`
	bad := []string{
		"not json", `{"ev":"pkt"}`, strings.Replace(record("C1", 1), "C1", `C\n1`, 1), "\xff\xfe", `{"ev":"pkt","ts":NaN}`,
		record("C1", 0), `{"ev":"pk` + "\x00\x00" + record("C1", 1), strings.Replace(record("C1", 7), `"n":7`, `"n":9223372036854775808`, 1), long,
	}
	r := newRig(t)
	r.append("serveflow.log", record("C1", 1)+"\n"+strings.Join(bad, "\n")+"\n"+strings.Repeat("\x00", 700<<10)+record("C1", 2)+"\n\n"+record("C1", 3)+"\n")
	r.start()
	r.inOrder(r.broker.records(t, "packets", 3), "C1", 3)
	dead := r.broker.records(t, deadTopic, len(bad))
	for i, want := range bad {
		if want = want[:min(len(want), zeek.MaxRecord)]; dead[i] != want {
			t.Errorf("dead letter %d is %.80q, want %.80q", i, dead[i], want)
		}
	}
	r.wantHeaders(deadTopic, map[string]string{"cut": "true"})
	if n := r.metric("serveflow_ship_nul_bytes_total"); n != 700<<10 {
		t.Errorf("%v NUL bytes counted", n)
	}
	if n := r.metric("serveflow_ship_rejects_total"); n != float64(len(bad)) {
		t.Errorf("%v rejects counted", n)
	}
	r.eventually("no lag", func() bool { return r.metric("serveflow_ship_lag_bytes") == 0 })
}

func TestSeveralPathsAtOnce(t *testing.T) {
	r := newRig(t)
	r.cfg.Paths = append(r.cfg.Paths, r.path("other.log"))
	r.append("other.log", burst("C2", 1, 4))
	r.start()
	r.broker.records(t, "packets", 3)
	r.append("serveflow.log", burst("C1", 1, 4))
	r.broker.records(t, "packets", 6)
}

// A path that cannot be followed is said, and tried again.
func TestTroubleIsSaidAndMended(t *testing.T) {
	r := newRig(t).start()
	r.check(os.Mkdir(r.path("serveflow.log"), 0o755))
	r.eventually("trouble", func() bool { return r.s.Ready() != nil })
	if err := r.s.Ready(); !strings.Contains(err.Error(), "serveflow.log") {
		t.Error(err)
	}
	r.check(os.Remove(r.path("serveflow.log")))
	r.check(syscall.Mkfifo(r.path("serveflow.log"), 0o644))
	r.eventually("a FIFO is trouble, too", func() bool { return r.s.Ready() != nil })
	r.check(os.Remove(r.path("serveflow.log")))
	r.append("serveflow.log", burst("C1", 1, 2))
	r.broker.records(t, "packets", 1)
	r.eventually("no trouble", func() bool { return r.s.Ready() == nil })
}

// While nothing can be written, a file is rotated many times; nothing is lost,
// and the shipper holds no more than it may.
func TestBrokerAwayWhileFilesRotate(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 11))
	r.start()
	r.broker.records(t, "packets", 10)
	r.broker.set(true, false)
	const files = 3 * maxSegments // more than may be open at once
	for i := 1; i <= files; i++ {
		r.append("serveflow.log", burst("C1", 1+i*10, 11+i*10))
		r.eventually("seen or full", func() bool {
			f := r.s.sources[r.path("serveflow.log")].(*follower)
			f.mu.Lock()
			defer f.mu.Unlock()
			return len(f.segments) >= min(i, maxSegments)
		})
		r.rename("serveflow.log", fmt.Sprintf("serveflow-26-11-24_10.%02d.00.log", i))
	}
	r.append("serveflow.log", burst("C1", 11+files*10, 21+files*10))
	r.broker.set(false, false)
	values := r.broker.records(t, "packets", 20+files*10)
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
