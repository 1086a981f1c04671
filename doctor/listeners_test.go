package doctor

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/kafkatest"
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
		c.Timeout = 4 * time.Second // an eighth of it for each question
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

// The same faults as on a real broker, where there is none at hand.
func TestSecuredListeners(t *testing.T) {
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	defer cert.Close()
	secret := func(auth tls.ClientAuthType) kfake.Opt {
		return kfake.TLS(&tls.Config{Certificates: cert.TLS.Certificates, ClientAuth: auth})
	}
	for id, opts := range map[string][]kfake.Opt{
		"broker-tls":        {secret(tls.NoClientCert)},
		"broker-mutual-tls": {secret(tls.RequireAnyClientCert)},
		"broker-sasl":       {kfake.EnableSASL(), kfake.Superuser("PLAIN", "zeek", "hush")},
		"broker-tls-sasl":   {secret(tls.NoClientCert), kfake.EnableSASL(), kfake.Superuser("PLAIN", "zeek", "hush")},
	} {
		addr, _ := kafkatest.Fake(t, opts...)
		r := Look(t.Context(), configFor(addr))
		holds(t, r, id, Fault, addr, "set SERVEFLOW_SECURITY_PROTOCOL=S")
		if r.Looked || len(wrong(r)) != 1 {
			t.Errorf("%s: looked %v, found %v", id, r.Looked, wrong(r))
		}
	}
}

// A broker that does not answer a fetch costs its time, and the look its end.
func TestCutShort(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(spread, input, labels, letters))
	write(t, addr, input, kafka.Murmur2Balancer{}, traffic(60)...)
	c := configFor(addr)
	c.Timeout = 2 * time.Second
	over := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		<-over
		return nil, nil, false
	})
	r := Look(t.Context(), c)
	close(over)
	holds(t, r, "cut-short", Warn, "took longer than 2s", "--timeout")
	if !r.Looked || r.Well() {
		t.Errorf("looked %v, found %v", r.Looked, wrong(r))
	}
}
