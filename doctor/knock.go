package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What can stand behind an address.
const (
	isKafka       = "kafka"       // plaintext Kafka: what we can talk to
	isUnresolved  = "unresolved"  // the name has no address
	isRefused     = "refused"     // nothing listens
	isUnreachable = "unreachable" // no answer to a connection, or no route
	isSilent      = "silent"      // takes a connection and says nothing
	isClosed      = "closed"      // takes a connection and closes it
	isTLS         = "tls"
	isMutualTLS   = "mutual-tls" // TLS that wants a certificate of the client too
	isSASL        = "sasl"
	isHTTP        = "http"
	isAlien       = "not-kafka"  // answers something else
	isController  = "controller" // a KRaft controller: Kafka, but for brokers alone
)

// listener is one address and what stands behind it.
type listener struct {
	addr    string
	node    int32 // -1: not named by the metadata
	named   bool  // in SERVEFLOW_BROKERS
	answer  string
	detail  string // the words of the system or of the answer
	release string
	cluster string // the id that the cluster gives itself; empty where not asked
}

// knocker finds out what stands behind addresses.
type knocker struct {
	clientID string
	timeout  time.Duration
}

// knock asks at an address. The wire is open where plaintext Kafka answered, and
// nil elsewhere.
func (k *knocker) knock(ctx context.Context, addr string) (listener, *wire) {
	l := listener{addr: addr, node: -1}
	conn, err := k.dial(ctx, addr)
	if err != nil {
		l.answer, l.detail = dialFault(err), err.Error()
		return l, nil
	}
	w := newWire(ctx, conn, k.clientID, k.timeout)
	if err = w.greet(); err == nil {
		l.release = w.release
		l.answer, l.detail = k.authenticated(ctx, w, k.dial, addr)
		if l.answer == isKafka {
			return l, w
		}
	} else {
		l.answer, l.detail = k.stranger(ctx, addr, err)
	}
	conn.Close()
	return l, nil
}

// dialFunc opens a connection, with or without TLS.
type dialFunc func(ctx context.Context, addr string) (net.Conn, error)

func (k *knocker) dial(ctx context.Context, addr string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: k.timeout}
	return dialer.DialContext(ctx, "tcp", addr)
}

func dialFault(err error) string {
	var dns *net.DNSError
	var addr *net.AddrError
	switch {
	case errors.As(err, &dns) || errors.As(err, &addr):
		return isUnresolved
	case errors.Is(err, syscall.ECONNREFUSED):
		return isRefused
	}
	return isUnreachable
}

// authenticated tells a listener that serves anybody from one that wants SASL
// first: both say which requests they take, but the second closes on any other.
func (k *knocker) authenticated(ctx context.Context, w *wire, dial dialFunc, addr string) (answer, detail string) {
	if _, ok := w.takes[int16(kmsg.Metadata)]; !ok {
		return isController, "it does not take Metadata requests"
	}
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	_, err := w.ask(req, metadataVersion)
	if err == nil {
		return isKafka, ""
	}
	conn, dialErr := dial(ctx, addr)
	if dialErr != nil {
		return isClosed, err.Error()
	}
	defer conn.Close()
	again := newWire(ctx, conn, k.clientID, k.timeout)
	again.takes = w.takes
	hand := kmsg.NewPtrSASLHandshakeRequest()
	hand.Mechanism = "NONE" // no mechanism's name: the answer lists those that there are
	resp, shakeErr := again.ask(hand, 1)
	if shakeErr != nil {
		return isClosed, err.Error()
	}
	shake := resp.(*kmsg.SASLHandshakeResponse)
	if errors.Is(kafka.Error(shake.ErrorCode), kafka.UnsupportedSASLMechanism) || shake.ErrorCode == 0 {
		return isSASL, "mechanisms: " + strings.Join(shake.SupportedMechanisms, ", ")
	}
	return isClosed, err.Error()
}

// stranger says what it is that did not answer as plaintext Kafka does.
func (k *knocker) stranger(ctx context.Context, addr string, greeting error) (answer, detail string) {
	var alien *alienError
	if errors.As(greeting, &alien) && bytes.HasPrefix(alien.head, []byte("HTTP")) {
		return isHTTP, greeting.Error()
	}
	if head := k.web(ctx, k.dial, addr); head != "" { // before TLS: an HTTP server may wait for more of a handshake
		return isHTTP, "answers " + head
	}
	if answer, detail, ok := k.secret(ctx, addr); ok {
		return answer, detail
	}
	switch {
	case alien != nil:
		return isAlien, greeting.Error()
	case errors.Is(greeting, os.ErrDeadlineExceeded):
		return isSilent, fmt.Sprintf("no answer in %v", k.timeout)
	}
	return isClosed, greeting.Error()
}

// secret tries TLS and reports whether it is spoken there.
func (k *knocker) secret(ctx context.Context, addr string) (answer, detail string, ok bool) {
	asked := false
	dial := func(ctx context.Context, addr string) (net.Conn, error) {
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
				asked = true
				return &tls.Certificate{}, nil
			},
		}), nil
	}
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
	w := newWire(ctx, conn, k.clientID, k.timeout)
	err = w.greet()
	var alien *alienError
	switch {
	case err == nil:
		answer, detail = k.authenticated(ctx, w, dial, addr)
		if answer == isSASL {
			return isTLS, "and SASL behind it, " + detail, true
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
