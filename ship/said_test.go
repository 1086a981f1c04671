package ship

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/sink/deadletter"
)

// noHeader is two rows of a TSV log whose header is gone.
const noHeader = "1764000000.000051\tC51\t192.0.2.1\t40051\n1764000000.000052\tC52\t192.0.2.1\t40052\n"

// A file of which every line is refused is told once, with what to do: as soon as it is read to
// its end, and while it grows no more. Each file that takes its place is told again.
func TestFileWithoutARecordIsTold(t *testing.T) {
	for name, text := range map[string]string{"plain": noHeader, "CR LF": strings.ReplaceAll(noHeader, "\n", "\r\n"), "byte-order mark": "\xef\xbb\xbf" + noHeader} {
		h := newHarness(t)
		h.append("serveflow.log", text)
		h.start()
		const says = "nothing of this file is shipped"
		h.eventually(name+": the warning", func() bool { return len(h.log.with(says)) == 1 })
		h.append("serveflow.log", text)
		h.broker.records(t, deadTopic, 4)
		warned := h.log.with(says)
		if len(warned) != 1 || !strings.Contains(warned[0], "level=WARN") || !strings.Contains(warned[0], h.path("serveflow.log")) || !strings.Contains(warned[0], "have no header") {
			t.Errorf("%s: %q", name, warned)
		}
		h.rename("serveflow.log", "serveflow.log.1")
		h.append("serveflow.log", text)
		h.eventually(name+": the next warning", func() bool { return len(h.log.with(says)) == 2 })
		h.check(h.stop())
	}
}

// Streams are told when they end, or when a FIFO's writer goes.
func TestStreamWithoutARecordIsTold(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{h.path("fifo"), Stdin}
	h.check(syscall.Mkfifo(h.path("fifo"), 0o644))
	out, in, err := os.Pipe()
	h.check(err)
	h.in = out
	h.start()
	if _, err := in.WriteString(noHeader); err != nil {
		t.Fatal(err)
	}
	in.Close()
	h.append("fifo", noHeader)
	for _, path := range []string{"path=- ", "path=" + h.path("fifo")} {
		h.eventually("the warning for "+path, func() bool {
			return slices.ContainsFunc(h.log.with("nothing of this file is shipped"), func(line string) bool { return strings.Contains(line, path) })
		})
	}
}

// Without an end to it, such a file is told too; one bad line among records is not.
func TestEndlessFileWithoutARecordIsTold(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{Stdin}
	out, in, err := os.Pipe()
	h.check(err)
	defer in.Close()
	h.in = out
	h.start()
	if _, err := in.WriteString(strings.Repeat("no record\n", manyRefused)); err != nil {
		t.Fatal(err)
	}
	h.eventually("the warning", func() bool { return len(h.log.with("nothing of this file is shipped")) == 1 })

	h = newHarness(t)
	h.append("serveflow.log", "no record\n"+burst("C1", 1, 2))
	h.start()
	h.broker.records(t, "packets", 1)
	h.check(h.stop())
	if told := h.log.with("nothing of this file is shipped"); len(told) > 0 {
		t.Errorf("%q", told)
	}
}

// growing is an archive that a writer fills bit by bit.
type growing struct {
	h    *harness
	name string
	out  bytes.Buffer
	zip  *gzip.Writer
}

func newGrowing(h *harness, name string) *growing {
	g := &growing{h: h, name: name}
	g.zip = gzip.NewWriter(&g.out)
	return g
}

// write appends text to the archive, so that it can be read.
func (g *growing) write(text string) {
	g.h.t.Helper()
	_, err := io.WriteString(g.zip, text)
	g.h.check(errors.Join(err, g.zip.Flush()))
	g.h.append(g.name, g.out.String())
	g.out.Reset()
}

func (g *growing) close() {
	g.h.t.Helper()
	g.h.check(g.zip.Close())
	g.h.append(g.name, g.out.String())
}

// An archive that is still being written is told once and shipped as it grows: each line once, in
// order. A rotation does not matter. It ends when the archive is whole.
func TestArchiveThatIsStillWritten(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{h.path("conn.log.gz")}
	g := newGrowing(h, "conn.log.gz")
	g.write(tsvHeader + tsv(burst("C1", 1, 100)))
	h.start()
	h.broker.records(t, "packets", 99)
	h.eventually("the warning", func() bool { return len(h.log.with("still being written")) == 1 })
	for from := 100; from < 1000; from += 100 {
		g.write(tsv(burst("C1", from, from+100)))
		h.broker.records(t, "packets", from+99)
	}
	h.rename("conn.log.gz", "conn.2026.log.gz")
	g.name = "conn.2026.log.gz"
	g.close()
	h.check(<-h.done)
	h.done <- nil
	h.checkOrder(h.broker.records(t, "packets", 999), "C1", 999)
	if told := h.log.with("still being written"); len(told) != 1 || !strings.Contains(told[0], "LogAscii::gzip_level=0") {
		t.Errorf("%q", told)
	}
}

// A shipper that was stopped while an archive grew goes on where it was, although the archive's
// beginning was short then.
func TestGrownArchiveIsResumed(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{h.path("a.gz")}
	g := newGrowing(h, "a.gz")
	g.write(burst("C1", 1, 3))
	h.start()
	h.broker.records(t, "packets", 2)
	h.check(h.stop())
	g.write(burst("C1", 3, 1000))
	g.close()
	h.start()
	h.check(<-h.done)
	h.done <- nil
	h.checkOrder(h.broker.records(t, "packets", 999), "C1", 999)
}

// Another archive in the place of one that was shipped is shipped, although it has its inode.
func TestArchiveThatWasWrittenAnew(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{h.path("a.gz")}
	h.append("a.gz", zipped(t, burst("C1", 1, 10)))
	for n := 9; n <= 18; n += 9 {
		h.start()
		h.check(<-h.done)
		h.done <- nil
		if got := len(h.broker.records(t, "packets", n)); got != n {
			t.Errorf("%d records, want %d", got, n)
		}
		h.check(h.stop())
		h.check(os.WriteFile(h.path("a.gz"), []byte(zipped(t, burst("C2", 1, 10))), 0o644))
	}
}

// An archive that nobody writes any more is damaged. What to do is said.
func TestArchiveThatWasCut(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{h.path("a.gz")}
	g := newGrowing(h, "a.gz")
	g.write(burst("C1", 1, 3))
	h.check(os.Chtimes(h.path("a.gz"), time.Time{}, time.Now().Add(-2*archivePatience)))
	h.start()
	err := <-h.done
	h.done <- nil
	if err == nil || !strings.Contains(err.Error(), "a.gz: it ends too early, and has not grown for 1m0s") || !strings.Contains(err.Error(), "ship it again") {
		t.Errorf("got %v", err)
	}
	h.checkOrder(h.broker.records(t, "packets", 2), "C1", 2)
	if told := h.log.with("still being written"); len(told) > 0 {
		t.Errorf("%q", told)
	}
}

// A followed log that is compressed while it is written is not shipped as if it were text. The
// plain one that takes its place is.
func TestFollowedLogIsCompressed(t *testing.T) {
	h := newHarness(t).start()
	g := newGrowing(h, "serveflow.log")
	g.write(burst("C1", 1, 100))
	h.eventually("the error", func() bool { return h.s.Ready() != nil })
	if err := h.s.Ready(); !strings.Contains(err.Error(), "compressed while it is written") || !strings.Contains(err.Error(), "CompressLogsInFlight=0") {
		t.Error(err)
	}
	g.close()
	h.rename("serveflow.log", "serveflow.log.1")
	h.append("serveflow.log", burst("C1", 1, 3))
	h.checkOrder(h.broker.records(t, "packets", 2), "C1", 2)
	h.eventually("ready", func() bool { return h.s.Ready() == nil })
	if dead := h.broker.records(t, deadTopic, 0); len(dead) > 0 || len(h.log.with("cannot follow")) != 1 {
		t.Errorf("%d dead letters; %q", len(dead), h.log.with("cannot follow"))
	}
}

// A second shipper for a file that the running one missed needs a state file of its own: the
// commands that are told have one, and work.
func TestSecondShipperIsTold(t *testing.T) {
	h := newHarness(t).start()
	log := slog.New(slog.DiscardHandler)
	_, err := Open(h.cfg, nil, h.broker, deadletter.New(h.broker, deadTopic), NewMetrics(prometheus.NewRegistry()), log)
	const beside = " SERVEFLOW_SHIP_ADMIN= serveflow ship "
	if err == nil || !strings.Contains(err.Error(), "SERVEFLOW_SHIP_STATE="+h.cfg.State+".missed"+beside+"FILE") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("%v", err)
	}
	h.append("serveflow.2026-11-24-10-00-00.log", zipped(t, burst("C1", 1, 9)))
	h.append("serveflow.log", burst("C2", 1, 2))
	h.eventually("the missed file is told", func() bool { return len(h.log.with("compressed before it was read")) == 1 })
	if told := h.log.with("compressed before it was read")[0]; !strings.Contains(told, h.cfg.State+".missed"+beside+h.path("serveflow.2026-11-24-10-00-00.log")) {
		t.Error(told)
	}
	cfg := h.cfg
	cfg.State, cfg.Paths = cfg.State+".missed", []string{h.path("serveflow.2026-11-24-10-00-00.log")}
	s, err := Open(cfg, nil, h.broker, deadletter.New(h.broker, deadTopic), NewMetrics(prometheus.NewRegistry()), log)
	h.check(err)
	h.check(errors.Join(s.Run(t.Context()), s.Close()))
	h.broker.records(t, "packets", 9)
}

// Records of a file whose name is that of another log of connections say which log they are of.
// All others are shipped byte for byte.
func TestOtherConnectionLogIsNamed(t *testing.T) {
	const bare = `{"ts":1.5,"uid":"C1","conn_state":"SF"}`
	for name, want := range map[string]string{"conn_long.log": `{"_path":"conn_long",` + bare[1:], "conn.log": bare, "l1.log": bare, "serveflow.log": bare} {
		h := newHarness(t)
		h.cfg.Paths = []string{h.path(name)}
		h.append(name, bare+"\n"+record("C1", 1)+"\n")
		h.start()
		if values := h.broker.records(t, "packets", 2); values[0] != want || values[1] != record("C1", 1) {
			t.Errorf("%s: %q", name, values)
		}
		h.check(h.stop())
	}
}

// A TSV log is shipped with CR LF and a byte-order mark too. Records of another log of
// connections say which log they are of.
func TestFormsOfTSV(t *testing.T) {
	h := newHarness(t)
	const long = "#separator \\x09\n#path\tconn_long\n#fields\tts\tuid\tconn_state\n#types\ttime\tstring\tstring\n1.000000\tC1\tSF\n"
	h.append("serveflow.log", "\xef\xbb\xbf"+strings.ReplaceAll(tsvHeader+tsv(burst("C1", 1, 4)), "\n", "\r\n")+long+record("C1", 4)+"\n")
	h.start()
	values := h.broker.records(t, "packets", 5)
	if values[3] != `{"_path":"conn_long","ts":1.000000,"uid":"C1","conn_state":"SF"}` {
		t.Errorf("got %s", values[3])
	}
	h.checkOrder(append(values[:3:3], values[4]), "C1", 4)
}
