package ship

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/sink/deadletter"
)

// packed begins as what xz compresses does; its further lines mean nothing.
const packed = "\xfd7zXZ\x00\x00\x04\xe6\xd6\n\xb4F\n"

// widened is text as UTF-16.
func widened(text string) string {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for i := range text {
		b.Write([]byte{text[i], 0})
	}
	return b.String()
}

// A file that cannot be a log is refused at the start, with what to do. Nothing is sent.
func TestFilesThatAreNoLogs(t *testing.T) {
	for text, want := range map[string]string{
		packed:                         "compressed by xz, which is not read: unpack it",
		widened(burst("C1", 1, 3)):     "UTF-16: write it as UTF-8",
		"\xd4\xc3\xb2\xa1\x02\x00\x04": "serveflow pcap reads it",
	} {
		h := newHarness(t)
		h.append("serveflow.log", text)
		_, err := Open(h.cfg, nil, h.broker, deadletter.New(h.broker, deadTopic), NewMetrics(prometheus.NewRegistry()), nil)
		if err == nil || !strings.Contains(err.Error(), h.path("serveflow.log")) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// So is what an archive or standard input holds, when it is opened.
func TestStreamsThatAreNoLogs(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{h.path("a.gz"), Stdin}
	h.append("a.gz", zipped(t, widened(burst("C1", 1, 3))))
	out, in, err := os.Pipe()
	h.check(err)
	h.in = out
	h.start()
	if _, err := in.WriteString(packed); err != nil {
		t.Fatal(err)
	}
	in.Close()
	err = <-h.done
	h.done <- nil
	if err == nil || !strings.Contains(err.Error(), h.path("a.gz")+": it is UTF-16") || !strings.Contains(err.Error(), "standard input: decompress: it is compressed by xz") {
		t.Errorf("got %v", err)
	}
	if n := len(h.broker.got); n > 0 {
		t.Errorf("%d messages", n)
	}
}

// Where such a file takes a followed path's place, it is told, and the log after it is shipped.
func TestFollowedPathIsNoLogForAWhile(t *testing.T) {
	h := newHarness(t).start()
	h.append("serveflow.log", widened(burst("C1", 1, 100)))
	h.eventually("the error", func() bool { return h.s.Ready() != nil })
	if err := h.s.Ready(); !strings.Contains(err.Error(), "serveflow.log: it is UTF-16: write it as UTF-8") {
		t.Error(err)
	}
	h.rename("serveflow.log", "other")
	h.append("serveflow.log", burst("C1", 1, 3))
	h.checkOrder(h.broker.records(t, "packets", 2), "C1", 2)
	h.eventually("ready", func() bool { return h.s.Ready() == nil })
	if dead := h.broker.records(t, deadTopic, 0); len(dead) > 0 || len(h.log.with("cannot follow")) != 1 {
		t.Errorf("%d dead letters; %q", len(dead), h.log.with("cannot follow"))
	}
}

// A rotated file that xz has compressed is not shipped as if it were text. It was shipped before
// if its time is that of the file that was followed; else it is told, once.
func TestRotatedAndCompressedByXZ(t *testing.T) {
	const says = "a rotated file cannot be read"
	for _, missed := range []bool{false, true} {
		h := newHarness(t)
		h.append("serveflow.log", burst("C1", 1, 2))
		h.start()
		h.broker.records(t, "packets", 1)
		info, err := os.Stat(h.path("serveflow.log"))
		h.check(err)
		modified := info.ModTime()
		if missed {
			modified = modified.Add(time.Second)
		}
		h.append("serveflow.log.1", packed)
		h.check(os.Chtimes(h.path("serveflow.log.1"), time.Time{}, modified))
		h.check(os.Remove(h.path("serveflow.log")))
		h.append("serveflow.log", record("C1", 2)+"\n")
		h.checkOrder(h.broker.records(t, "packets", 2), "C1", 2)
		h.check(h.stop())
		told := h.log.with(says)
		if len(told) > 0 != missed || len(told) > 1 || h.metric("serveflow_ship_files_gone_total") != float64(len(told)) {
			t.Errorf("missed %v: %q, %v files gone", missed, told, h.metric("serveflow_ship_files_gone_total"))
		}
		if missed && (!strings.Contains(told[0], h.path("serveflow.log.1")) || !strings.Contains(told[0], "by xz") || !strings.Contains(told[0], ".missed SERVEFLOW_SHIP_ADMIN= serveflow ship FILE")) {
			t.Error(told)
		}
		if dead := h.broker.records(t, deadTopic, 0); len(dead) > 0 {
			t.Errorf("missed %v: dead letters %q", missed, dead)
		}
	}
}
