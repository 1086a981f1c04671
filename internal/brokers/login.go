package brokers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	saslplain "github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// login proves who we are to a broker, by SASL. kafka-go could do it too, but
// without a deadline, and without saying what the broker said.
type login struct {
	mechanism string
	username  string
	password  Secret
	file      *kept[Secret] // instead of password
}

func newLogin(s *Security, log *slog.Logger) (*login, error) {
	l := &login{mechanism: s.Mechanism, username: s.Username, password: s.Password}
	from := "SERVEFLOW_SASL_PASSWORD"
	var err error
	if s.PasswordFile != "" {
		from = "SERVEFLOW_SASL_PASSWORD_FILE=" + s.PasswordFile
		if l.file, err = keep(log, l.parse, s.PasswordFile); err != nil {
			return nil, fmt.Errorf("%s: %w", from, err)
		}
	}
	if _, err := l.proof(l.secret()); err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return l, nil
}

// parse takes a password off a file: its one line.
func (l *login) parse(texts [][]byte) (Secret, error) {
	password := strings.TrimSuffix(strings.TrimSuffix(string(texts[0]), "\n"), "\r")
	if password == "" || strings.ContainsAny(password, "\r\n") {
		return Secret{}, errors.New("one line with the password is wanted")
	}
	secret := NewSecret(password)
	_, err := l.proof(secret)
	return secret, err
}

// secret is the password as it is now.
func (l *login) secret() Secret {
	if l.file != nil {
		return l.file.now()
	}
	return l.password
}

// proof is the mechanism with a password. Its errors do not tell of what the
// password is made.
func (l *login) proof(password Secret) (sasl.Mechanism, error) {
	if strings.ContainsRune(password.Reveal(), 0) {
		return nil, errors.New("the password holds a NUL: no password has one")
	}
	algorithm := scram.SHA512
	switch l.mechanism {
	case plain:
		return saslplain.Mechanism{Username: l.username, Password: password.Reveal()}, nil
	case scram256:
		algorithm = scram.SHA256
	}
	mechanism, err := scram.Mechanism(algorithm, l.username, password.Reveal())
	if err != nil {
		return nil, errors.New("user or password has characters that SASL does not allow (RFC 4013)")
	}
	return mechanism, nil
}

// do logs in. Its error is a *Fault, or the connection's.
func (l *login) do(ctx context.Context, a *asking) error {
	proof, err := l.proof(l.secret())
	if err != nil {
		return err
	}
	req, hand := kmsg.NewPtrSASLHandshakeRequest(), kmsg.NewPtrSASLHandshakeResponse()
	req.Mechanism = l.mechanism
	req.SetVersion(1)
	if err := a.ask(req, hand); err != nil {
		return err
	}
	if hand.ErrorCode != 0 {
		return handshakeFault(a.addr, l.mechanism, hand)
	}
	session, words, err := proof.Start(ctx)
	for done := false; err == nil && !done; {
		req, said := kmsg.NewPtrSASLAuthenticateRequest(), kmsg.NewPtrSASLAuthenticateResponse()
		req.SASLAuthBytes = words
		if err := a.ask(req, said); err != nil {
			return err
		}
		if said.ErrorCode != 0 {
			return loginFault(a.addr, said)
		}
		done, words, err = session.Next(ctx, said.SASLAuthBytes)
	}
	if err != nil {
		return impostor(a.addr, err)
	}
	return nil
}
