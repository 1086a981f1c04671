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

// secret tries TLS and reports whether it is spoken there.
func (k *knocker) secret(ctx context.Context, addr string) (answer, detail string, ok bool) {
	asked := false
	dial := k.veiled(&asked)
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
	w := newWire(ctx, conn, k.cluster.ClientID(), k.timeout)
	err = w.greet()
	var alien *alienError
	switch {
	case err == nil:
		answer, detail = k.authenticated(ctx, w, dial, addr)
		if answer == isSASL {
			return isSecretSASL, detail, true
		}
		return isTLS, "Kafka answers behind it", true
	case asked:
		return isMutualTLS, err.Error(), true
	case errors.As(err, &alien) && bytes.HasPrefix(alien.head, []byte("HTTP")):
		return isHTTP, "over TLS it " + err.Error(), true
	}
	if head := k.web(ctx, dial, addr); head != "" {
		return isHTTP, "over TLS it answers " + head, true
	}
	return isTLS, "what is behind it does not answer as Kafka: " + err.Error(), true
}

// veiled dials with TLS, whoever answers, and notes whether a certificate of ours
// was asked for.
func (k *knocker) veiled(asked *bool) dialFunc {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		conn, err := k.dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		conn.SetDeadline(time.Now().Add(k.timeout))
		host, _, _ := net.SplitHostPort(addr)
		return tls.Client(conn, &tls.Config{
			ServerName:         host,
			InsecureSkipVerify: true, // nothing is sent but greetings: the question is what speaks, not who
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				*asked = true
				return &tls.Certificate{}, nil
			},
		}), nil
	}
}

// web asks as a browser would, and gives the first words of an HTTP answer.
func (k *knocker) web(ctx context.Context, dial dialFunc, addr string) string {
	conn, err := dial(ctx, addr)
	if err != nil {
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(k.timeout))
	fmt.Fprintf(conn, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", addr)
	var head [12]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil || !bytes.HasPrefix(head[:], []byte("HTTP/")) {
		return ""
	}
	return fmt.Sprintf("%q", head)
}
