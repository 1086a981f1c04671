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

// certificates are whom we trust and who we are, over TLS. A nil part: the system's
// authorities, no certificate.
type certificates struct {
	trusted *kept[*x509.CertPool]
	own     *kept[*tls.Certificate]
}

func newCertificates(s *Security, log *slog.Logger) (c *certificates, err error) {
	c = &certificates{}
	if s.CAFile != "" {
		if c.trusted, err = keep(log, parseAuthorities, s.CAFile); err != nil {
			return nil, fmt.Errorf("SERVEFLOW_TLS_CA_FILE=%s: %w", s.CAFile, err)
		}
	}
	if s.CertFile != "" {
		if c.own, err = keep(log, parseOwn, s.CertFile, s.KeyFile); err != nil {
			return nil, fmt.Errorf("SERVEFLOW_TLS_CERT_FILE=%s, SERVEFLOW_TLS_KEY_FILE=%s: %w", s.CertFile, s.KeyFile, err)
		}
	}
	return c, nil
}

// config is for one connection to a host, by the files as they are now. The host's
// name is always verified, and no session is resumed: each connection proves anew.
func (c *certificates) config(host string) *tls.Config {
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.trusted != nil {
		cfg.RootCAs = c.trusted.now()
	}
	if c.own != nil {
		own := c.own.now()
		// Not cfg.Certificates: those are kept back, silently, from a broker that
		// does not list their authority.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	}
	return cfg
}

// parseAuthorities makes a pool of a PEM file. A file that is cut short is refused,
// although its first certificates could be read.
func parseAuthorities(texts [][]byte) (*x509.CertPool, error) {
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

// parseOwn makes a certificate of two PEM files, the certificate's and its key's.
func parseOwn(texts [][]byte) (*tls.Certificate, error) {
	if block, _ := pem.Decode(texts[1]); block != nil && (block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "") {
		return nil, errors.New("the key is encrypted: give one without a passphrase (openssl pkey), readable for this user alone")
	}
	cert, err := tls.X509KeyPair(texts[0], texts[1])
	if err != nil {
		return nil, fmt.Errorf("not a certificate and its key in PEM: %w", err)
	}
	return &cert, validity(cert.Leaf)
}

// validity says why a certificate is not valid now; nil if it is.
func validity(c *x509.Certificate) error {
	switch now := time.Now(); {
	case now.After(c.NotAfter):
		return fmt.Errorf("the certificate of %s expired at %s: renew it", c.Subject, c.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(c.NotBefore):
		return fmt.Errorf("the certificate of %s is valid only from %s: look at this machine's clock", c.Subject, c.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}
