package ship

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// FuzzLines checks that the lines and their offsets do not depend on how the bytes are split into
// reads.
func FuzzLines(f *testing.F) {
	f.Add([]byte("one\ntwo\n\n\x00\x00three\n\x00"), uint8(1), 0)
	f.Add([]byte("\x00\n\x00"), uint8(2), 0)
	f.Add([]byte("tail"), uint8(255), zeek.MaxRecord-3)
	f.Add([]byte("x\nshort"), uint8(7), 3*zeek.MaxRecord)
	f.Fuzz(func(t *testing.T, text []byte, step uint8, pad int) {
		if pad > 0 { // makes the last line a long one
			text = append(text, bytes.Repeat([]byte{'x'}, pad%(4*zeek.MaxRecord))...)
		}
		const origin = 1000
		l := lines{offset: origin}
		var got []line
		for rest := text; len(rest) > 0; {
			n := copy(l.space(), rest[:min(len(rest), 1+int(step)*257)])
			l.add(n)
			rest = rest[n:]
			for found, ok := l.next(); ok; found, ok = l.next() {
				found.text = bytes.Clone(found.text)
				got = append(got, found)
			}
			if l.end() != origin+int64(len(text)-len(rest)) {
				t.Fatalf("end is %d after %d bytes", l.end(), len(text)-len(rest))
			}
		}
		if last, ok := l.rest(); ok {
			got = append(got, last)
		}
		at := int64(origin)
		for _, want := range bytes.SplitAfter(text, []byte{'\n'}) {
			if len(want) == 0 {
				continue
			}
			if len(got) == 0 {
				t.Fatalf("nothing for %.80q", want)
			}
			plain := bytes.TrimLeft(bytes.TrimSuffix(want, []byte{'\n'}), "\x00")
			long := len(plain) > zeek.MaxRecord
			g := got[0]
			if !bytes.Equal(g.text, plain[:min(len(plain), zeek.MaxRecord)]) || g.long != long || g.offset != at || g.next != at+int64(len(want)) {
				t.Fatalf("got %.80q at %d-%d long=%v, want %.80q at %d-%d", g.text, g.offset, g.next, g.long, plain, at, at+int64(len(want)))
			}
			at += int64(len(want))
			got = got[1:]
		}
		if len(got) > 0 {
			t.Fatalf("%d lines too many", len(got))
		}
	})
}

func TestRotatedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"serveflow.2026-11-24-10-00-00.log": true, "serveflow-26-11-24_10.00.00.log": true, "serveflow.log.1": true,
		"serveflow.log-20261124": true, "serveflow.10:00:00-11:00:00.log": true, "serveflow_20261124.log": true,
		"serveflow.log": false, "serveflow-summary.log": false, "serveflow.log.bak": false, "conn.2026.log": false, "serveflow2.log": false,
	} {
		if got := rotatedName("/logs/serveflow.log", "/logs/"+name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestValidateNamesThePath(t *testing.T) {
	cfg := newHarness(t).cfg
	cfg.Paths = []string{"a.log", "./a.log"}
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "./a.log is named twice") {
		t.Error(err)
	}
}

// One file by two names is found, too: zeekctl's logs/current is a link to the first logger's folder.
func TestValidateFindsLinks(t *testing.T) {
	h := newHarness(t)
	h.check(os.Mkdir(h.path("logger-1"), 0o755))
	h.check(os.Symlink(h.path("logger-1"), h.path("current")))
	h.append("logger-1/a.log", "")
	h.append("logger-1/b.log", "")
	h.cfg.Paths = []string{h.path("current/a.log"), h.path("logger-1/a.log")}
	if err := h.cfg.Validate(); err == nil || !strings.Contains(err.Error(), h.path("current/a.log")+" and "+h.path("logger-1/a.log")+" are one file, by a link: name it once") {
		t.Errorf("%v", err)
	}
	h.cfg.Paths[1] = h.path("logger-1/b.log")
	if err := h.cfg.Validate(); err != nil {
		t.Error(err)
	}
	h.cfg.Paths[1] = "/dev/null"
	if err := h.cfg.Validate(); err == nil || !strings.Contains(err.Error(), "/dev/null is neither a file nor a FIFO: name a log") {
		t.Errorf("%v", err)
	}
}
