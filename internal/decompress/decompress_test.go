package decompress

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var text = strings.Repeat("a line of text\n", 1000)

// bzipped is text, and bzippedEmpty nothing, by the bzip2 program: Go cannot write it.
const (
	bzipped      = "QlpoOTFBWSZTWds+IPYACcPRgAAQQAAjJYRAIACREA000Caqg0bUZUg6qQd1INVIO6kG6kGqkGVIMqQbqQZUg4qQfVIOKkGVIPF3JFOFCQ2z4g9g"
	bzippedEmpty = "QlpoORdyRThQkAAAAAA="
)

func compressed(t *testing.T, format, plain string) []byte {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	switch {
	case format == "plain":
		return []byte(plain)
	case format == "bzip2" && plain == text:
		return decoded(t, bzipped)
	case format == "bzip2" && plain == "":
		return decoded(t, bzippedEmpty)
	case format == "gzip":
		w = gzip.NewWriter(&buf)
	case format == "zstd":
		var err error
		if w, err = zstd.NewWriter(&buf); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("no %s of this", format)
	}
	if _, err := io.WriteString(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// skipped is what may stand before a zstd frame; no other format has it.
func skipped(format string) string {
	if format != "zstd" {
		return ""
	}
	return "P*M\x18\x04\x00\x00\x00size"
}

func decoded(t *testing.T, b64 string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestContent(t *testing.T) {
	for _, format := range []string{"plain", "gzip", "zstd", "bzip2"} {
		whole := compressed(t, format, text)
		for name, tt := range map[string]struct{ in, want string }{
			"whole":         {string(whole), text},
			"twice":         {string(whole) + string(whole), text + text}, // as cat makes it
			"empty":         {string(compressed(t, format, "")), ""},
			"plain letter":  {"x", "x"},
			"frame to skip": {skipped(format) + string(whole), text},
		} {
			r, err := NewReader(strings.NewReader(tt.in))
			if err != nil {
				t.Fatalf("%s, %s: %v", format, name, err)
			}
			got, err := io.ReadAll(r)
			if err != nil || string(got) != tt.want {
				t.Errorf("%s, %s: %v, %d bytes, want %d", format, name, err, len(got), len(tt.want))
			}
			if err := r.Close(); err != nil {
				t.Errorf("%s, %s: %v", format, name, err)
			}
		}
	}
}

// Data that end too early say so, wherever they are cut, and name the compression.
func TestCutShort(t *testing.T) {
	for _, format := range []string{"gzip", "zstd", "bzip2"} {
		whole := compressed(t, format, text)
		for n := HeadBytes; n < len(whole); n++ {
			err := read(whole[:n])
			if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), format) {
				t.Fatalf("%s, %d of %d bytes: %v", format, n, len(whole), err)
			}
		}
	}
	if err := read([]byte{0x1f, 0x8b, 8}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("three bytes of gzip: %v", err)
	}
	if err := read([]byte{0x1f, 0x8b, 0xff, 0xff, 0, 0, 0, 0, 0, 0}); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a broken gzip header: %v", err)
	}
}

func read(data []byte) error {
	r, err := NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	_, err = io.ReadAll(r)
	return err
}

// Text that begins like a compressed file is text.
func TestFormat(t *testing.T) {
	for head, want := range map[string]string{
		"": "", "BZh91AY&SY": "bzip2", "BZh9": "", "BZh0" + bzip2Block: "", "BZh:" + bzip2Block: "", "BZh1" + bzip2Block: "bzip2", "BZh91AY&SX": "", "BZhello wor": "",
		"{\"ev\":\"pkt": "", "\x1f\x8b": "gzip", "\x1f": "", "(\xb5/\xfd": "zstd", "(\xb5/": "",
		"P*M\x18": "zstd", "_*M\x18\x04": "zstd", "`*M\x18": "", "O*M\x18": "", "P*M": "", "P*M\x17": "",
	} {
		if got := Format([]byte(head)); got != want {
			t.Errorf("%q: %q, want %q", head, got, want)
		}
	}
}

func TestTroubleOfTheInput(t *testing.T) {
	trouble := errors.New("no such disk")
	_, err := NewReader(io.MultiReader(strings.NewReader("abc"), failing{trouble}))
	if !errors.Is(err, trouble) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// What is compressed in another way is refused by its name, and never taken for text.
func TestUnread(t *testing.T) {
	for head, want := range map[string]string{
		"\xfd7zXZ\x00\x00\x04\xe6\xd6": "xz", "]\x00\x00\x80\x00\xff": "lzma", "LZIP\x01": "lzip", "\x04\x22\x4d\x18dp": "lz4", "\x02!L\x18": "lz4",
		"\xff\x06\x00\x00sNaPpY": "snappy", "PK\x03\x04\x14\x00": "zip", "7z\xbc\xaf\x27\x1c\x00": "7z", "\x1f\x9d\x90": "compress",
		"": "", "\xfd7z": "", "LZIP\n": "", "PK": "", "]": "", "[{": "", "{\"ev\":": "", "7z": "", "#separator": "", "\x1f\x8b": "", "(\xb5/\xfd": "", "BZh91AY&SY": "",
	} {
		if got := Unread([]byte(head)); got != want {
			t.Errorf("%q: got %q, want %q", head, got, want)
		}
		err := read([]byte(head))
		if want != "" && (err == nil || !strings.Contains(err.Error(), "by "+want+", which is not read: unpack it") || errors.Is(err, io.ErrUnexpectedEOF)) {
			t.Errorf("%q: %v", head, err)
		}
	}
}
