package ship

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestArchivesAreShippedOnceAndWhole(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, archive := range map[string]string{
		"a.log.gz":  zipped(t, burst("C1", 1, 500)),
		"a.log.zst": string(z.EncodeAll([]byte(burst("C1", 1, 500)), nil)),
	} {
		h := newHarness(t)
		h.cfg.Paths = []string{h.path(name)}
		h.append(name, archive)
		h.start()
		h.check(<-h.done) // by itself, when everything is written
		h.checkOrder(h.broker.records(t, "packets", 499), "C1", 499)
		h.done <- nil
		h.check(h.stop())
		h.start()
		h.check(<-h.done)
		h.done <- nil
		if n := len(h.broker.records(t, "packets", 499)); n != 499 {
			t.Errorf("%s: %d records after a second run", name, n)
		}
	}
}

func TestDamagedArchive(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{h.path("a.gz")}
	text := zipped(t, burst("C1", 1, 5000))
	h.append("a.gz", text[:len(text)-20])
	h.check(os.Chtimes(h.path("a.gz"), time.Time{}, time.Now().Add(-time.Hour))) // nobody writes it any more
	h.start()
	err := <-h.done
	h.done <- nil
	if err == nil || !strings.Contains(err.Error(), "a.gz") || !strings.Contains(err.Error(), "gzip") {
		t.Errorf("got %v", err)
	}
	if len(h.broker.records(t, "packets", 100)) < 100 {
		t.Error("what came before the damage is not shipped")
	}
}

// One writer follows another; the first one dies in the middle of a line.
func TestFIFO(t *testing.T) {
	h := newHarness(t)
	h.check(syscall.Mkfifo(h.path("serveflow.log"), 0o644))
	h.start()
	h.append("serveflow.log", burst("C1", 1, 4)+`{"ev":"p`)
	h.broker.records(t, deadTopic, 1)
	h.append("serveflow.log", burst("C1", 4, 6))
	h.checkOrder(h.broker.records(t, "packets", 5), "C1", 5)
	if err := h.stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(h.cfg.State); err == nil {
		t.Error("a FIFO has a checkpoint")
	}
}

func TestStandardInput(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{Stdin}
	out, in, err := os.Pipe()
	h.check(err)
	h.in = out
	h.start()
	in.WriteString(burst("C1", 1, 4))
	h.broker.records(t, "packets", 3)
	in.WriteString(burst("C1", 4, 5))
	in.Close()
	h.check(<-h.done)
	h.done <- nil
	h.checkOrder(h.broker.records(t, "packets", 4), "C1", 4)
}

// A stop does not wait for an input that gives nothing. It sends a line that has no newline yet,
// because nobody can read it again.
func TestStandardInputIsStopped(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{Stdin}
	out, in, err := os.Pipe()
	h.check(err)
	defer in.Close()
	h.in = out
	h.start()
	in.WriteString(burst("C1", 1, 2) + `{"ev":`)
	h.broker.records(t, "packets", 1)
	h.check(h.stop())
	if dead := h.broker.records(t, deadTopic, 1); dead[0] != `{"ev":` {
		t.Errorf("dead letter %q", dead)
	}
}

const tsvHeader = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tserveflow\n#open\t2026-11-24-10-00-00\n" +
	"#fields\tev\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tn\tis_orig\n#types\tstring\ttime\tstring\taddr\tport\taddr\tport\tenum\tcount\tbool\n"

// tsv converts JSON records of record() to lines under tsvHeader.
func tsv(records string) string {
	return strings.NewReplacer(`{"ev":"`, "", `","ts":`, "\t", `,"uid":"`, "\t", `","id.orig_h":"`, "\t", `","id.orig_p":`, "\t",
		`,"id.resp_h":"`, "\t", `","id.resp_p":`, "\t", `,"proto":"`, "\t", `","n":`, "\t", `,"is_orig":true}`, "\tT").Replace(records)
}

// A TSV log is resumed in its middle, after a header that is not the file's first.
func TestTSVIsResumedUnderItsHeader(t *testing.T) {
	h := newHarness(t)
	other := "#separator \\x7c\n#fields|n|ts\n#types|count|time\n1|2.000000\n#close|now\n"
	h.append("serveflow.log", other+tsvHeader+tsv(burst("C1", 1, 4))+"#close\t2026-11-24-11-00-00\n")
	h.start()
	values := h.broker.records(t, "packets", 4)
	if values[0] != `{"n":1,"ts":2.000000}` {
		t.Errorf("got %s", values[0])
	}
	h.checkOrder(values[1:], "C1", 3)
	h.check(h.stop())
	h.append("serveflow.log", tsv(burst("C1", 4, 6))+tsvHeader+tsv(burst("C1", 6, 8))+"one\ttwo\n")
	h.start()
	h.checkOrder(h.broker.records(t, "packets", 8)[1:], "C1", 7)
	if dead := h.broker.records(t, deadTopic, 1); dead[0] != "one\ttwo" {
		t.Errorf("dead letters %q", dead)
	}
}

// So it is after a header that changes a part of the file's first one: the rest of that holds.
func TestTSVIsResumedUnderAPartOfAHeader(t *testing.T) {
	h := newHarness(t)
	const first = "#separator \\x7c\n#unset_field|?\n#fields|uid|n|m\n#types|string|count|count\n"
	h.append("serveflow.log", first+"C1|1|?\n#close|now\n#fields|n|m|uid\n#types|count|count|string\n2|?|C1\n")
	h.start()
	h.broker.records(t, "packets", 2)
	h.check(h.stop())
	h.append("serveflow.log", "3|?|C1\n")
	h.start()
	if values := h.broker.records(t, "packets", 3); values[0] != `{"uid":"C1","n":1}` || values[1] != `{"n":2,"uid":"C1"}` || values[2] != `{"n":3,"uid":"C1"}` {
		t.Errorf("got %q", values)
	}
}
