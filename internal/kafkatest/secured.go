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

// User is who may log in to a secured broker, by every mechanism, and Password how.
const (
	User     = "zeek"
	Password = "serveflow-test-password"
)

// Secured is a real broker that beside the plaintext Addr has in Addrs the listeners
// TLS (SSL), MUTUAL (SSL, wants a certificate), LOGIN (SASL_PLAINTEXT) and SECRETLOGIN
// (SASL_SSL). Whom it trusts has signed its own certificate too.
type Secured struct {
	*Broker
	// Dir holds ca.pem, client.pem and client.key, for clients, beside the broker's own.
	Dir string
	// Authority has signed them all.
	Authority *Authority
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

// StartSecured starts one, as StartWith does; the options come on top.
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
	s.Broker = StartWith(t, o)
	s.SetPassword(t, Password)
	return s
}

// Renew has all certificates signed anew by an authority, and writes them for the
// broker, which reads them at its next start, and for clients.
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

// Certify gives the broker another certificate, from its next start on.
func (s *Secured) Certify(t testing.TB, valid time.Duration, names ...string) {
	t.Helper()
	cert, key := s.Authority.Issue(t, valid, names...)
	WriteFile(t, filepath.Join(s.Dir, "broker.pem"), append(key, cert...))
}

// SetPassword sets User's password for both kinds of SCRAM; that of PLAIN stays.
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
		for mechanism, password := range salted { // Kafka takes one a user in a request
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
