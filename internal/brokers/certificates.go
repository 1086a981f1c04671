package brokers

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// certificates are the TLS certificates of one cluster. roots nil: the system's
// authorities are trusted. client nil: this client shows no certificate.
type certificates struct {
	roots  *reloadable[*x509.CertPool]
	client *reloadable[*tls.Certificate]
}

func newCertificates(s *Security, log *slog.Logger) (c *certificates, err error) {
	c = &certificates{}
	if s.CAFile != "" {
		if c.roots, err = newReloadable(log, parseRoots, s.CAFile); err != nil {
			return nil, fmt.Errorf("SERVEFLOW_TLS_CA_FILE=%s: %w", s.CAFile, err)
		}
	}
	if s.CertFile != "" {
		if c.client, err = newReloadable(log, parseClientCert, s.CertFile, s.KeyFile); err != nil {
			return nil, fmt.Errorf("SERVEFLOW_TLS_CERT_FILE=%s, SERVEFLOW_TLS_KEY_FILE=%s: %w", s.CertFile, s.KeyFile, err)
		}
	}
	return c, nil
}

// forHost returns the TLS configuration of one connection, from the files as they are
// now. The host's name is always verified. No session is resumed, so each connection
// checks the certificates again.
func (c *certificates) forHost(host string) *tls.Config {
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.roots != nil {
		cfg.RootCAs = c.roots.current()
	}
	if c.client != nil {
		client := c.client.current()
		// Not cfg.Certificates: the library silently does not send those to a broker
		// that does not list their authority.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return client, nil }
	}
	return cfg
}

// parseRoots parses a PEM file of trusted authorities. It refuses a file that is cut
// short, although its first certificates could be read.
func parseRoots(texts [][]byte) (*x509.CertPool, error) {
	pool, found, rest := x509.NewCertPool(), 0, texts[0]
	var last *x509.Certificate
	valid := false
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("holds a %s: name a file of certificates alone", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the file is damaged: %w", found+1, err)
		}
		pool.AddCert(cert)
		valid = valid || validity(cert) == nil
		last, found = cert, found+1
	}
	switch {
	case bytes.Contains(rest, []byte("-----BEGIN")):
		return nil, fmt.Errorf("the file is damaged or cut short behind its certificate %d", found)
	case found == 0:
		return nil, errors.New("no PEM certificate in it: name a file that begins with -----BEGIN CERTIFICATE-----")
	case !valid:
		return nil, validity(last)
	}
	return pool, nil
}

// parseClientCert parses two PEM files: a certificate and its key.
func parseClientCert(texts [][]byte) (*tls.Certificate, error) {
	if block, _ := pem.Decode(texts[1]); block != nil && (block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "") {
		return nil, errors.New("the key is encrypted: give one without a passphrase (openssl pkey), readable for this user alone")
	}
	cert, err := tls.X509KeyPair(texts[0], texts[1])
	if err != nil {
		return nil, fmt.Errorf("not a certificate and its key in PEM: %w", err)
	}
	return &cert, validity(cert.Leaf)
}

// validity returns an error where a certificate is not valid now.
func validity(c *x509.Certificate) error {
	switch now := time.Now(); {
	case now.After(c.NotAfter):
		return fmt.Errorf("the certificate of %s expired at %s: renew it", c.Subject, c.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(c.NotBefore):
		return fmt.Errorf("the certificate of %s is valid only from %s: look at this machine's clock", c.Subject, c.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}
