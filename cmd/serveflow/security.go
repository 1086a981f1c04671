package main

import (
	"log/slog"

	"github.com/serveflow/serveflow/internal/brokers"
)

// Security is what is spoken to the brokers, and who we are there.
type Security struct {
	SecurityProtocol string `split_words:"true" default:"PLAINTEXT" desc:"what the brokers' listeners speak: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; nothing else is ever fallen back to"`
	TLS              tlsSettings
	SASL             saslSettings
}

// tlsSettings are SERVEFLOW_TLS_*.
type tlsSettings struct {
	CAFile   string `split_words:"true" desc:"PEM file of the authorities that may have signed the brokers' certificates; empty: the system's"`
	CertFile string `split_words:"true" desc:"PEM file of our certificate, for brokers that want one, and what leads to its authority"`
	KeyFile  string `split_words:"true" desc:"PEM file of that certificate's key, without a passphrase"`
}

// saslSettings are SERVEFLOW_SASL_*.
type saslSettings struct {
	Mechanism       string         `desc:"how to log in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"`
	Username        string         `desc:"who logs in"`
	PasswordFile    string         `split_words:"true" desc:"file whose one line is the password; read again at each connection, as the files of SERVEFLOW_TLS_* are"`
	Password        brokers.Secret `desc:"the password itself; a file shows it to fewer"`
	PasswordInClear bool           `split_words:"true" default:"false" desc:"let PLAIN send the password without TLS, where the way is guarded by other means"`
}

// cluster is the way to the brokers that the settings name. Files are read, and
// nobody is connected to.
func (s *Settings) cluster(log *slog.Logger) (*brokers.Cluster, error) {
	cluster, err := brokers.New(s.ClientID, s.Brokers, brokers.Security{
		Protocol: s.SecurityProtocol,
		CAFile:   s.TLS.CAFile, CertFile: s.TLS.CertFile, KeyFile: s.TLS.KeyFile,
		Mechanism: s.SASL.Mechanism, Username: s.SASL.Username,
		Password: s.SASL.Password, PasswordFile: s.SASL.PasswordFile, PasswordInClear: s.SASL.PasswordInClear,
	}, log)
	if err != nil {
		return nil, usageError{err}
	}
	return cluster, nil
}
