package logfile

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/serveflow/serveflow/internal/decompress"
)

// HeadBytes is how many bytes of a file's beginning NoLog looks at.
const HeadBytes = 16

// Open returns the content of a log, unpacked. Closing the result does not close in. The error
// says what in is and what to do, where its beginning shows that it is no log.
func Open(in io.Reader) (io.ReadCloser, error) {
	plain, err := decompress.NewReader(in)
	if err != nil {
		return nil, err
	}
	content := bufio.NewReader(plain)
	head, _ := content.Peek(HeadBytes) // an error comes again when it is read
	if why := NoLog(head); why != "" {
		return nil, errors.Join(errors.New(why), plain.Close())
	}
	return opened{content, plain}, nil
}

// opened is the content of a log. Closing it closes the decompressor.
type opened struct {
	content *bufio.Reader
	plain   io.Closer
}

func (o opened) Read(b []byte) (int, error) { return o.content.Read(b) }

func (o opened) Close() error { return o.plain.Close() }

// NoLog says what a file is that begins with head, and what to do, where it cannot be a log that
// is read line by line. It is empty for what may be one, and for what Open unpacks.
func NoLog(head []byte) string {
	if other := decompress.Unread(head); other != "" {
		return "it is compressed by " + other + ", which is not read: unpack it"
	}
	if isUTF16(head) {
		return "it is UTF-16: write it as UTF-8"
	}
	for _, magic := range captures {
		if strings.HasPrefix(string(head), magic) {
			return "it is a packet capture: serveflow pcap reads it"
		}
	}
	return ""
}

// captures are the beginnings of pcap files, of both byte orders and resolutions, and of pcapng.
var captures = [...]string{"\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d", "\n\r\r\n"}

// isUTF16 reports whether text is UTF-16, by its byte-order mark or by the zero bytes of ASCII in
// it. A run of zero bytes, as a crash of the file system leaves it, is none.
func isUTF16(head []byte) bool {
	if text := string(head); strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		return true
	}
	const letters = 3
	if len(head) < 2*letters {
		return false
	}
	for zero := range 2 {
		n := 0
		for i := range letters {
			if head[2*i+zero] == 0 && head[2*i+1-zero] != 0 {
				n++
			}
		}
		if n == letters {
			return true
		}
	}
	return false
}
