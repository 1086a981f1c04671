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

// login authenticates this client by SASL. kafka-go can do that too, but without a
// deadline, and its errors leave out the broker's message.
type login struct {
	mechanism string
	username  string
	password  Secret
	file      *reloadable[Secret] // the password's file; nil: password holds it
}

func newLogin(s *Security, log *slog.Logger) (*login, error) {
	l := &login{mechanism: s.Mechanism, username: s.Username, password: s.Password}
	from := "SERVEFLOW_SASL_PASSWORD"
	var err error
	if s.PasswordFile != "" {
		from = "SERVEFLOW_SASL_PASSWORD_FILE=" + s.PasswordFile
		if l.file, err = newReloadable(log, l.parse, s.PasswordFile); err != nil {
			return nil, fmt.Errorf("%s: %w", from, err)
		}
	}
	if _, err := l.saslMechanism(l.secret()); err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return l, nil
}

// parse reads a password from a file of one line.
func (l *login) parse(texts [][]byte) (Secret, error) {
	password := strings.TrimSuffix(strings.TrimSuffix(string(texts[0]), "\n"), "\r")
	if password == "" || strings.ContainsAny(password, "\r\n") {
		return Secret{}, errors.New("one line with the password is wanted")
	}
	secret := NewSecret(password)
	_, err := l.saslMechanism(secret)
	return secret, err
}

// secret returns the password; a file is read again each time.
func (l *login) secret() Secret {
	if l.file != nil {
		return l.file.current()
	}
	return l.password
}

// saslMechanism returns the mechanism with a password. Its errors do not say what the
// password consists of.
func (l *login) saslMechanism(password Secret) (sasl.Mechanism, error) {
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

// authenticate logs in. Its error is a *Fault, or the connection's own.
func (l *login) authenticate(ctx context.Context, h *handshake) error {
	mechanism, err := l.saslMechanism(l.secret())
	if err != nil {
		return err
	}
	req, resp := kmsg.NewPtrSASLHandshakeRequest(), kmsg.NewPtrSASLHandshakeResponse()
	req.Mechanism = l.mechanism
	req.SetVersion(1)
	if err := h.ask(req, resp); err != nil {
		return err
	}
	if resp.ErrorCode != 0 {
		return handshakeFault(h.addr, l.mechanism, resp)
	}
	session, message, err := mechanism.Start(ctx)
	for done := false; err == nil && !done; {
		req, resp := kmsg.NewPtrSASLAuthenticateRequest(), kmsg.NewPtrSASLAuthenticateResponse()
		req.SASLAuthBytes = message
		if err := h.ask(req, resp); err != nil {
			return err
		}
		if resp.ErrorCode != 0 {
			return loginFault(h.addr, resp)
		}
		done, message, err = session.Next(ctx, resp.SASLAuthBytes)
	}
	if err != nil {
		return impostor(h.addr, err)
	}
	return nil
}
