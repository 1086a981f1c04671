package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/brokers"
)

// What can stand behind an address.
const (
	isKafka       = "kafka"       // Kafka that lets us in as the settings say
	isUnresolved  = "unresolved"  // the name has no address
	isRefused     = "refused"     // nothing listens
	isUnreachable = "unreachable" // no answer to a connection, or no route
	isSilent      = "silent"      // takes a connection and says nothing
	isClosed      = "closed"      // takes a connection and closes it
	isTLS         = "tls"
	isMutualTLS   = "mutual-tls" // TLS that wants a certificate of the client too
	isSASL        = "sasl"
	isSecretSASL  = "tls-sasl" // SASL behind TLS
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
	fault   *brokers.Fault // where it is Kafka, and does not let us in or is not to be trusted
	cluster string         // the id that the cluster gives itself; empty where not asked
}

// knocker finds out what stands behind addresses.
type knocker struct {
	cluster *brokers.Cluster
	timeout time.Duration
}

// knock asks at an address as the settings say. The wire is open where Kafka let us
// in, and nil elsewhere.
func (k *knocker) knock(ctx context.Context, addr string) (listener, *wire) {
	l := listener{addr: addr, node: -1}
	w, err := k.enter(ctx, addr)
	if err == nil {
		l.answer, l.release = isKafka, w.release
		return l, w
	}
	k.probe(ctx, &l)
	var fault *brokers.Fault
	switch errors.As(err, &fault); {
	case fault != nil && telling(fault, l.answer):
		l.answer, l.detail, l.fault = fault.Kind, errors.Unwrap(fault).Error(), fault
	case l.answer == isKafka: // to whom asks otherwise than the settings say, or now and not a moment ago
		l.answer, l.detail = isClosed, err.Error()
	}
	return l, nil
}

// telling reports whether a fault says more than what stands at its address does.
func telling(fault *brokers.Fault, answer string) bool {
	if fault.Kind == brokers.WantsTLS || fault.Kind == brokers.WantsMore {
		return false
	}
	return slices.Contains([]string{isKafka, isTLS, isMutualTLS, isSASL, isSecretSASL}, answer)
}

// enter connects as the settings say, and asks for the release.
func (k *knocker) enter(ctx context.Context, addr string) (*wire, error) {
	dialing, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	conn, err := k.cluster.Dial(dialing, "tcp", addr)
	if err != nil {
		return nil, err
	}
	w := newWire(ctx, conn, k.cluster.ClientID(), k.timeout)
	if err := w.greet(); err != nil {
		conn.Close()
		return nil, err
	}
	if _, ok := w.takes[int16(kmsg.Metadata)]; !ok {
		conn.Close()
		return nil, errors.New("it does not take Metadata requests")
	}
	return w, nil
}

// probe finds out what stands at an address, by questions that tell nothing of us.
func (k *knocker) probe(ctx context.Context, l *listener) {
	conn, err := k.dial(ctx, l.addr)
	if err != nil {
		l.answer, l.detail = dialFault(err), err.Error()
		return
	}
	defer conn.Close()
	w := newWire(ctx, conn, k.cluster.ClientID(), k.timeout)
	if err = w.greet(); err == nil {
		l.release = w.release
		l.answer, l.detail = k.authenticated(ctx, w, k.dial, l.addr)
	} else {
		l.answer, l.detail = k.stranger(ctx, l.addr, err)
	}
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
	again := newWire(ctx, conn, k.cluster.ClientID(), k.timeout)
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
