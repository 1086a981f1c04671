package brokers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kafka's names of the security protocols.
const (
	plaintext     = "PLAINTEXT"
	ssl           = "SSL"
	saslPlaintext = "SASL_PLAINTEXT"
	saslSSL       = "SASL_SSL"
)

// Kafka's names of the SASL mechanisms. plain sends the password itself.
const (
	plain    = "PLAIN"
	scram256 = "SCRAM-SHA-256"
	scram512 = "SCRAM-SHA-512"
)

// Security is the security protocol and this client's identity. The zero value is
// plaintext without a login.
type Security struct {
	Protocol string // PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; empty: PLAINTEXT

	CAFile   string // PEM: the trusted authorities; empty: the system's
	CertFile string // PEM: this client's certificate and the chain to its authority; empty: none is shown
	KeyFile  string // PEM: its key

	Mechanism    string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	Username     string
	Password     Secret
	PasswordFile string // read at each login; instead of Password
	// PasswordInClear allows PLAIN without TLS: everybody who can read the traffic
	// learns the password.
	PasswordInClear bool
}

func (s *Security) tls() bool   { return s.Protocol == ssl || s.Protocol == saslSSL }
func (s *Security) login() bool { return s.Protocol == saslPlaintext || s.Protocol == saslSSL }

// Validate returns an error that names the first setting that makes no sense, or that
// contradicts another one. It opens no file.
func (s *Security) Validate() error {
	protocols := []string{plaintext, ssl, saslPlaintext, saslSSL}
	switch {
	case s.Protocol != "" && !slices.Contains(protocols, s.Protocol):
		return fmt.Errorf("SERVEFLOW_SECURITY_PROTOCOL=%s: choose one of %s", s.Protocol, strings.Join(protocols, ", "))
	case !s.tls():
		if err := s.rejectUnused("SSL or SASL_SSL", map[string]string{"SERVEFLOW_TLS_CA_FILE": s.CAFile, "SERVEFLOW_TLS_CERT_FILE": s.CertFile, "SERVEFLOW_TLS_KEY_FILE": s.KeyFile}); err != nil {
			return err
		}
	case s.CertFile != "" && s.KeyFile == "":
		return errors.New("SERVEFLOW_TLS_CERT_FILE is set without SERVEFLOW_TLS_KEY_FILE: name the certificate's key too")
	case s.KeyFile != "" && s.CertFile == "":
		return errors.New("SERVEFLOW_TLS_KEY_FILE is set without SERVEFLOW_TLS_CERT_FILE: name the key's certificate too")
	}
	if !s.login() {
		return s.rejectUnused("SASL_SSL or SASL_PLAINTEXT", map[string]string{"SERVEFLOW_SASL_MECHANISM": s.Mechanism, "SERVEFLOW_SASL_USERNAME": s.Username,
			"SERVEFLOW_SASL_PASSWORD": s.Password.String(), "SERVEFLOW_SASL_PASSWORD_FILE": s.PasswordFile})
	}
	return s.validateLogin()
}

// rejectUnused returns an error where settings are set that the protocol does not use:
// an operator who sets them expects a protection that is not there.
func (s *Security) rejectUnused(wanted string, settings map[string]string) error {
	var set []string
	for name, value := range settings {
		if value != "" {
			set = append(set, name)
		}
	}
	if len(set) == 0 {
		return nil
	}
	slices.Sort(set)
	return fmt.Errorf("%s: of no use while SERVEFLOW_SECURITY_PROTOCOL is %s: make that %s, or unset it", strings.Join(set, ", "), s.protocolName(), wanted)
}

// protocolName returns Kafka's name of the protocol.
func (s *Security) protocolName() string {
	if s.Protocol == "" {
		return plaintext
	}
	return s.Protocol
}

func (s *Security) validateLogin() error {
	mechanisms := []string{plain, scram256, scram512}
	switch {
	case s.Mechanism == "":
		return fmt.Errorf("SERVEFLOW_SECURITY_PROTOCOL=%s needs SERVEFLOW_SASL_MECHANISM: choose one of %s", s.Protocol, strings.Join(mechanisms, ", "))
	case !slices.Contains(mechanisms, s.Mechanism):
		return fmt.Errorf("SERVEFLOW_SASL_MECHANISM=%s: choose one of %s", s.Mechanism, strings.Join(mechanisms, ", "))
	case s.Username == "":
		return errors.New("SERVEFLOW_SASL_MECHANISM is set without SERVEFLOW_SASL_USERNAME: name the user")
	case s.Password == (Secret{}) && s.PasswordFile == "":
		return errors.New("SERVEFLOW_SASL_USERNAME is set without a password: set SERVEFLOW_SASL_PASSWORD_FILE, or SERVEFLOW_SASL_PASSWORD")
	case s.Password != (Secret{}) && s.PasswordFile != "":
		return errors.New("SERVEFLOW_SASL_PASSWORD and SERVEFLOW_SASL_PASSWORD_FILE are both set: unset one, best the first")
	case strings.ContainsRune(s.Username, 0):
		return errors.New("SERVEFLOW_SASL_USERNAME holds a NUL: no user has one")
	case s.Mechanism == plain && !s.tls() && !s.PasswordInClear:
		return errors.New("SERVEFLOW_SASL_MECHANISM=PLAIN with SERVEFLOW_SECURITY_PROTOCOL=SASL_PLAINTEXT sends the password to whoever listens: " +
			"use SASL_SSL, or SCRAM-SHA-512; where the way is guarded by other means, set SERVEFLOW_SASL_PASSWORD_IN_CLEAR=true")
	}
	return nil
}
