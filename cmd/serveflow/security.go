package main

import (
	"log/slog"

	"github.com/serveflow/serveflow/internal/brokers"
)

// tlsSettings are SERVEFLOW_TLS_*.
type tlsSettings struct {
	CAFile   string `split_words:"true" desc:"PEM file of the certificate authorities that are trusted for the brokers' certificates; empty: the system's"`
	CertFile string `split_words:"true" desc:"PEM file of the client certificate and its chain, for brokers that ask for one"`
	KeyFile  string `split_words:"true" desc:"PEM file of the client certificate's key, without a passphrase"`
}

// saslSettings are SERVEFLOW_SASL_*.
type saslSettings struct {
	Mechanism       string         `desc:"mechanism of the login: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"`
	Username        string         `desc:"user name of the login"`
	PasswordFile    string         `split_words:"true" desc:"file with the password as its only line; read again at each connection, as the files of SERVEFLOW_TLS_* are"`
	Password        brokers.Secret `desc:"the password itself; a file is safer, because fewer can read it"`
	PasswordInClear bool           `split_words:"true" default:"false" desc:"allow PLAIN without TLS, which sends the password in clear text: only where other means protect the network"`
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
