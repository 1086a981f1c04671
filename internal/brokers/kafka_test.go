package brokers

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// A real broker accepts the right client over each protocol and mechanism. Every other
// client gets a fault that says why and what to do.
func TestRealKafka(t *testing.T) {
	b := kafkatest.StartSecured(t, kafkatest.Options{})
	file := func(name string) string { return filepath.Join(b.Dir, name) }
	tlsTo := Security{Protocol: ssl, CAFile: file("ca.pem")}
	mutual := Security{Protocol: ssl, CAFile: file("ca.pem"), CertFile: file("client.pem"), KeyFile: file("client.key")}
	login := func(protocol, mechanism, password string) Security {
		s := Security{Protocol: protocol, Mechanism: mechanism, Username: kafkatest.User, Password: NewSecret(password), PasswordInClear: true}
		if s.tls() {
			s.CAFile = file("ca.pem")
		}
		return s
	}
	other := kafkatest.NewAuthority(t, "another authority")
	kafkatest.WriteFile(t, file("other-ca.pem"), other.PEM)
	cert, key := other.Issue(t, time.Hour, "intruder")
	kafkatest.WriteFile(t, file("other.pem"), cert)
	kafkatest.WriteFile(t, file("other.key"), key)
	stranger := Security{Protocol: ssl, CAFile: file("ca.pem"), CertFile: file("other.pem"), KeyFile: file("other.key")}
	misled := Security{Protocol: ssl, CAFile: file("other-ca.pem")}
	for _, c := range []struct {
		name, listener string
		security       Security
		kind           string // empty: let in
	}{
		{"plaintext", "", Security{}, ""},
		{"TLS", "TLS", tlsTo, ""},
		{"mutual TLS", "MUTUAL", mutual, ""},
		{"PLAIN in clear", "LOGIN", login(saslPlaintext, plain, kafkatest.Password), ""},
		{"PLAIN over TLS", "SECRETLOGIN", login(saslSSL, plain, kafkatest.Password), ""},
		{"SCRAM-SHA-256 in clear", "LOGIN", login(saslPlaintext, scram256, kafkatest.Password), ""},
		{"SCRAM-SHA-256 over TLS", "SECRETLOGIN", login(saslSSL, scram256, kafkatest.Password), ""},
		{"SCRAM-SHA-512 in clear", "LOGIN", login(saslPlaintext, scram512, kafkatest.Password), ""},
		{"SCRAM-SHA-512 over TLS", "SECRETLOGIN", login(saslSSL, scram512, kafkatest.Password), ""},
		{"wrong authority", "TLS", misled, Untrusted},
		{"the system's authorities", "TLS", Security{Protocol: ssl}, Untrusted},
		{"no certificate of ours", "MUTUAL", tlsTo, CertRefused},
		{"a stranger's certificate", "MUTUAL", stranger, CertRefused},
		{"wrong password, PLAIN", "SECRETLOGIN", login(saslSSL, plain, "wrong"), LoginRefused},
		{"wrong password, SCRAM-SHA-256", "LOGIN", login(saslPlaintext, scram256, "wrong"), LoginRefused},
		{"wrong password, SCRAM-SHA-512", "SECRETLOGIN", login(saslSSL, scram512, "wrong"), LoginRefused},
		{"plaintext to TLS", "TLS", Security{}, WantsTLS},
		{"plaintext to a login", "LOGIN", Security{}, WantsMore},
		{"login in clear to TLS", "SECRETLOGIN", login(saslPlaintext, scram256, kafkatest.Password), WantsTLS},
		{"TLS to plaintext", "", tlsTo, NoTLS},
		{"TLS without a login to TLS with one", "SECRETLOGIN", tlsTo, WantsMore},
		{"login to plaintext", "", login(saslPlaintext, scram256, kafkatest.Password), NoLogin},
		{"login to TLS without one", "TLS", login(saslSSL, scram256, kafkatest.Password), NoLogin},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := b.Addr
			if c.listener != "" {
				addr = b.Addrs[c.listener]
			}
			checkEntry(t, addr, c.security, c.kind)
		})
	}
	t.Run("broker's certificate", func(t *testing.T) { testBrokersCertificate(t, b, tlsTo) })
}

// checkEntry sends a request over both kinds of connection that kafka-go has, and
// compares the outcome with the kind of fault that is wanted; empty: none.
func checkEntry(t *testing.T, addr string, s Security, kind string) {
	t.Helper()
	c, err := New("test", []string{addr}, s, quiet)
	if err != nil {
		t.Fatal(err)
	}
	client, done := c.Client()
	defer done()
	client.Timeout = 15 * time.Second
	_, errPool := client.Metadata(t.Context(), &kafka.MetadataRequest{})
	conn, errConn := c.Dialer().DialContext(t.Context(), "tcp", addr)
	if errConn == nil {
		_, errConn = conn.Brokers()
		conn.Close()
	}
	for way, err := range map[string]error{"pool": errPool, "connection": errConn} {
		var fault *Fault
		switch {
		case kind == "" && err != nil:
			t.Errorf("%s: %v", way, err)
		case kind != "" && (!errors.As(err, &fault) || fault.Kind != kind):
			t.Errorf("%s: %v, want a fault that is %s", way, err, kind)
		case kind != "" && (!strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), fault.Mend)):
			t.Errorf("%s: %v does not say where and what to do", way, err)
		case kind != "":
			t.Log(err)
		}
	}
}

// testBrokersCertificate gives the broker bad certificates. It runs last, because the
// broker is shared.
func testBrokersCertificate(t *testing.T, b *kafkatest.Secured, s Security) {
	b.Certify(t, -time.Hour, "localhost", "127.0.0.1")
	b.Restart()
	checkEntry(t, b.Addrs["TLS"], s, Expired)
	b.Certify(t, time.Hour, "kafka.example")
	b.Restart()
	checkEntry(t, b.Addrs["TLS"], s, WrongName)
}
