package logfile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
)

// What cannot be a log is told by its beginning, packed or not. Whatever may be one is opened.
func TestOpen(t *testing.T) {
	utf16 := func(first, second int, text string) string {
		b := make([]byte, 2*len(text))
		for i := range text {
			b[2*i+first], b[2*i+second] = text[i], 0
		}
		return string(b)
	}
	for text, want := range map[string]string{
		"\xfd7zXZ\x00\x00\x04":             "compressed by xz, which is not read: unpack it",
		"PK\x03\x04\x14\x00":               "compressed by zip",
		"\xff\xfe" + utf16(0, 1, one):      "UTF-16",
		"\xfe\xff" + utf16(1, 0, one):      "UTF-16",
		utf16(0, 1, one):                   "UTF-16",
		utf16(1, 0, header):                "UTF-16",
		"\xd4\xc3\xb2\xa1\x02\x00\x04\x00": "serveflow pcap reads it",
		"\xa1\xb2\x3c\x4d\x00\x02\x00\x04": "serveflow pcap reads it",
		"\n\r\r\n\x1c\x00\x00\x00":         "serveflow pcap reads it",
		"":                                 "",
		one:                                "",
		bom + header:                       "",
		"\x00\x00\x00" + one:               "",
		"\x00" + one:                       "",
		"a\x00b\x00c":                      "",
		"\r\r\n" + one:                     "",
		"\n\n" + one:                       "",
		"[{}]":                             "",
	} {
		for name, in := range map[string]string{"plain": text, "gzip": gzipped(t, text)} {
			r, err := Open(strings.NewReader(in))
			if want != "" {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s %q: %v, want %q", name, text, err, want)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s %q: %v", name, text, err)
				continue
			}
			got, err := io.ReadAll(r)
			if string(got) != text || err != nil || r.Close() != nil {
				t.Errorf("%s %q: got %q, %v", name, text, got, err)
			}
		}
	}
}

// A fault of the archive stays one: it is told when the archive is read that far.
func TestOpenACutArchive(t *testing.T) {
	whole := gzipped(t, strings.Repeat(one+"\n", 100))
	for _, n := range []int{3, len(whole) / 2, len(whole) - 1} {
		r, err := Open(strings.NewReader(whole[:n]))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
