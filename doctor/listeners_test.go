package doctor

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A port of something else is told by its name.
func TestNotKafka(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	for id, addr := range map[string]string{
		"broker-http":       web.Listener.Addr().String(),
		"broker-silent":     silent(t),
		"broker-not-kafka":  talker(t, "SSH-2.0-OpenSSH_9.6\r\n"),
		"broker-closed":     talker(t, ""),
		"broker-unresolved": "kafka.invalid:9092",
		"broker-refused":    "127.0.0.1:1",
	} {
		c := configFor(addr)
		c.Timeout = 4 * time.Second // a quarter of it for each question
		r := Look(t.Context(), c)
		holds(t, r, id, Fault, addr)
		if r.Looked || r.Well() {
			t.Errorf("%s: looked %v", id, r.Looked)
		}
	}
}

// silent listens and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// talker listens, says something to each who comes, and closes.
func talker(t *testing.T, words string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, words)
			conn.Close()
		}
	}()
	return l.Addr().String()
}
