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

// A listener that is not Kafka is identified.
func TestNotKafka(t *testing.T) {
	askHTTP := httptest.NewServer(http.NotFoundHandler())
	defer askHTTP.Close()
	for id, addr := range map[string]string{
		"broker-http":       askHTTP.Listener.Addr().String(),
		"broker-silent":     listenSilently(t),
		"broker-not-kafka":  listenAndSay(t, "SSH-2.0-OpenSSH_9.6\r\n"),
		"broker-closed":     listenAndSay(t, ""),
		"broker-unresolved": "kafka.invalid:9092",
		"broker-refused":    "127.0.0.1:1",
	} {
		c := configFor(addr)
		c.Timeout = 4 * time.Second // an eighth of it for each question
		r := Look(t.Context(), c)
		wantFinding(t, r, id, Fault, addr)
		if r.Looked || r.Well() {
			t.Errorf("%s: looked %v", id, r.Looked)
		}
	}
}

// listenSilently accepts connections and never sends a byte.
func listenSilently(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// listenAndSay accepts connections, sends words on each and closes it.
func listenAndSay(t *testing.T, words string) string {
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

// The faults of secured listeners, without a real broker.
func TestSecuredListeners(t *testing.T) {
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	defer cert.Close()
	identifyTLS := func(auth tls.ClientAuthType) kfake.Opt {
		return kfake.TLS(&tls.Config{Certificates: cert.TLS.Certificates, ClientAuth: auth})
	}
	for id, opts := range map[string][]kfake.Opt{
		"broker-tls":        {identifyTLS(tls.NoClientCert)},
		"broker-mutual-tls": {identifyTLS(tls.RequireAnyClientCert)},
		"broker-sasl":       {kfake.EnableSASL(), kfake.Superuser("PLAIN", "zeek", "hush")},
		"broker-tls-sasl":   {identifyTLS(tls.NoClientCert), kfake.EnableSASL(), kfake.Superuser("PLAIN", "zeek", "hush")},
	} {
		addr, _ := kafkatest.Fake(t, opts...)
		r := Look(t.Context(), configFor(addr))
		wantFinding(t, r, id, Fault, addr, "set SERVEFLOW_SECURITY_PROTOCOL=S")
		if r.Looked || len(problems(r)) != 1 {
			t.Errorf("%s: looked %v, found %v", id, r.Looked, problems(r))
		}
	}
}

// A broker that does not answer a fetch makes the look end early.
func TestCutShort(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
	write(t, addr, input, kafka.Murmur2Balancer{}, traffic(60)...)
	c := configFor(addr)
	c.Timeout = 2 * time.Second
	expired := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		<-expired
		return nil, nil, false
	})
	r := Look(t.Context(), c)
	close(expired)
	wantFinding(t, r, "cut-short", Warn, "took longer than 2s", "--timeout")
	if !r.Looked || r.Well() {
		t.Errorf("looked %v, found %v", r.Looked, problems(r))
	}
}
