package kafkatest

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// User and Password are the login of a secured broker, for every mechanism.
const (
	User     = "zeek"
	Password = "serveflow-test-password"
)

// Secured is a real broker with further listeners: TLS (SSL), MUTUAL (SSL, wants a
// client certificate), LOGIN (SASL_PLAINTEXT) and SECRETLOGIN (SASL_SSL). The broker
// trusts the authority that signed its own certificate.
type Secured struct {
	// Addr is the address of the plaintext listener, host:port, and Addrs holds those
	// of the others by name, as for Broker.
	Addr  string
	Addrs map[string]string
	// Dir holds ca.pem, client.pem and client.key for clients, and the broker's files.
	Dir string
	// Authority has signed all certificates.
	Authority *Authority

	broker *Broker
}

const secured = `
ssl.keystore.type=PEM
ssl.keystore.location=DIR/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=DIR/broker-ca.pem
listener.name.mutual.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
`

const jaas = `listener.name.NAME.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_USER="PASSWORD";
listener.name.NAME.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.NAME.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
`

// StartSecured starts a secured broker, as StartWith does. The options are added to the
// broker's own.
func StartSecured(t testing.TB, o Options) *Secured {
	t.Helper()
	s := &Secured{Dir: t.TempDir()}
	s.Renew(t, NewAuthority(t, "serveflow test authority"))
	o.Listeners = append(o.Listeners, Listener{Name: "TLS", Protocol: "SSL"}, Listener{Name: "MUTUAL", Protocol: "SSL"},
		Listener{Name: "LOGIN", Protocol: "SASL_PLAINTEXT"}, Listener{Name: "SECRETLOGIN", Protocol: "SASL_SSL"})
	o.Properties += strings.ReplaceAll(secured, "DIR", s.Dir)
	for _, name := range []string{"login", "secretlogin"} {
		o.Properties += strings.NewReplacer("NAME", name, "USER", User, "PASSWORD", Password).Replace(jaas)
	}
	s.broker = StartWith(t, o)
	s.Addr, s.Addrs = s.broker.Addr, s.broker.Addrs
	s.SetPassword(t, Password)
	return s
}

// Restart restarts the broker, as Broker.Restart does: it then reads its certificates.
func (s *Secured) Restart() {
	s.broker.t.Helper()
	s.broker.Restart()
}

// Renew replaces all certificates, those of the broker and those for clients, by ones
// that an authority signs. The broker reads them at its next start.
func (s *Secured) Renew(t testing.TB, by *Authority) {
	t.Helper()
	s.Authority = by
	s.Certify(t, time.Hour, "localhost", "127.0.0.1")
	WriteFile(t, filepath.Join(s.Dir, "broker-ca.pem"), by.PEM)
	cert, key := by.Issue(t, time.Hour, "serveflow")
	WriteFile(t, filepath.Join(s.Dir, "ca.pem"), by.PEM)
	WriteFile(t, filepath.Join(s.Dir, "client.pem"), cert)
	WriteFile(t, filepath.Join(s.Dir, "client.key"), key)
}

// Certify replaces the broker's certificate; valid and names are those of Issue. The
// broker reads it at its next start.
func (s *Secured) Certify(t testing.TB, valid time.Duration, names ...string) {
	t.Helper()
	cert, key := s.Authority.Issue(t, valid, names...)
	WriteFile(t, filepath.Join(s.Dir, "broker.pem"), append(key, cert...))
}

// SetPassword sets User's password for both SCRAM mechanisms; PLAIN keeps its password.
func (s *Secured) SetPassword(t testing.TB, password string) {
	t.Helper()
	const rounds = 4096
	salt := []byte("serveflow test salt")
	salted := make(map[kafka.ScramMechanism][]byte)
	var err error
	if salted[kafka.ScramMechanismSha256], err = pbkdf2.Key(sha256.New, password, salt, rounds, sha256.Size); err != nil {
		t.Fatal(err)
	}
	if salted[kafka.ScramMechanismSha512], err = pbkdf2.Key(sha512.New, password, salt, rounds, sha512.Size); err != nil {
		t.Fatal(err)
	}
	err = withClient(s.Addr, func(ctx context.Context, client *kafka.Client) error {
		for mechanism, password := range salted { // Kafka takes one change per user and request
			res, err := client.AlterUserScramCredentials(ctx, &kafka.AlterUserScramCredentialsRequest{Upsertions: []kafka.UserScramCredentialsUpsertion{
				{Name: User, Mechanism: mechanism, Iterations: rounds, Salt: salt, SaltedPassword: password},
			}})
			if err != nil {
				return err
			}
			if err := res.Results[0].Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("kafkatest: set the password of %s: %v", User, err)
	}
}
