package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// identifyTLS tries TLS. ok reports whether the listener speaks it; answer is then one of
// the is constants, and detail the evidence.
func (p *prober) identifyTLS(ctx context.Context, addr string) (answer, detail string, ok bool) {
	asked := false
	dial := p.dialTLS(&asked)
	conn, err := dial(ctx, addr)
	if err != nil {
		return "", "", false
	}
	defer conn.Close()
	if err := conn.(*tls.Conn).HandshakeContext(ctx); err != nil {
		if asked {
			return isMutualTLS, err.Error(), true
		}
		alert := strings.Contains(err.Error(), "remote error: tls")
		return isTLS, err.Error(), alert
	}
	b := newConn(ctx, conn, p.cluster.ClientID(), p.timeout)
	err = b.apiVersions()
	var notKafka *notKafkaError
	switch {
	case err == nil:
		answer, detail = p.identifyKafka(ctx, b, dial, addr)
		if answer == isSASL {
			return isTLSSASL, detail, true
		}
		return isTLS, "Kafka answers behind it", true
	case asked:
		return isMutualTLS, err.Error(), true
	case errors.As(err, &notKafka) && bytes.HasPrefix(notKafka.head, []byte("HTTP")):
		return isHTTP, "over TLS it " + err.Error(), true
	}
	if head := p.askHTTP(ctx, dial, addr); head != "" {
		return isHTTP, "over TLS it answers " + head, true
	}
	return isTLS, "what is behind it does not answer as Kafka: " + err.Error(), true
}

// dialTLS returns a function that dials with TLS and accepts any certificate. *asked is
// set where the server asks for a client certificate.
func (p *prober) dialTLS(asked *bool) dialFunc {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		conn, err := p.dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		conn.SetDeadline(time.Now().Add(p.timeout))
		host, _, _ := net.SplitHostPort(addr)
		return tls.Client(conn, &tls.Config{
			ServerName:         host,
			InsecureSkipVerify: true, // no secret is sent: the question is what listens there, not who
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				*asked = true
				return &tls.Certificate{}, nil
			},
		}), nil
	}
}

// askHTTP sends an HTTP request and returns the start of an HTTP response, quoted; empty
// where the answer is not HTTP.
func (p *prober) askHTTP(ctx context.Context, dial dialFunc, addr string) string {
	conn, err := dial(ctx, addr)
	if err != nil {
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(p.timeout))
	fmt.Fprintf(conn, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", addr)
	var head [12]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil || !bytes.HasPrefix(head[:], []byte("HTTP/")) {
		return ""
	}
	return fmt.Sprintf("%q", head)
}
