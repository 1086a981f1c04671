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

// What can listen at an address.
const (
	isKafka       = "kafka"       // Kafka that accepts this client with its settings
	isUnresolved  = "unresolved"  // the name has no address
	isRefused     = "refused"     // nothing listens
	isUnreachable = "unreachable" // no answer to a connection, or no route
	isSilent      = "silent"      // accepts a connection and sends nothing
	isClosed      = "closed"      // accepts a connection and closes it
	isTLS         = "tls"
	isMutualTLS   = "mutual-tls" // TLS that wants a client certificate
	isSASL        = "sasl"
	isTLSSASL     = "tls-sasl" // SASL behind TLS
	isHTTP        = "http"
	isNotKafka    = "not-kafka"  // the answer is of another protocol
	isController  = "controller" // a KRaft controller, which serves brokers only
)

// listener is one address and what listens there.
type listener struct {
	addr       string
	node       int32  // -1: the cluster's metadata does not have the address
	configured bool   // in SERVEFLOW_BROKERS
	answer     string // one of the constants above, or the kind of fault
	detail     string // the error, or the start of the answer
	release    string
	fault      *brokers.Fault // why Kafka refuses this client, or is not trusted; nil: neither
	cluster    string         // the cluster's id; empty where it was not asked
}

// prober finds out what listens at an address.
type prober struct {
	cluster *brokers.Cluster
	timeout time.Duration
}

// probe connects to an address as the settings say. The connection is open where Kafka
// accepts this client; otherwise it is nil.
func (p *prober) probe(ctx context.Context, addr string) (listener, *brokerConn) {
	l := listener{addr: addr, node: -1}
	b, err := p.connect(ctx, addr)
	if err == nil {
		l.answer, l.release = isKafka, b.release
		return l, b
	}
	p.identify(ctx, &l)
	var fault *brokers.Fault
	switch errors.As(err, &fault); {
	case fault != nil && explains(fault, l.answer):
		l.answer, l.detail, l.fault = fault.Kind, errors.Unwrap(fault).Error(), fault
	case l.answer == isKafka: // it answers without the settings, or it did not a moment ago
		l.answer, l.detail = isClosed, err.Error()
	}
	return l, nil
}

// explains reports whether a fault says more than answer, which was found without the
// settings.
func explains(fault *brokers.Fault, answer string) bool {
	if fault.Kind == brokers.WantsTLS || fault.Kind == brokers.WantsMore {
		return false
	}
	return slices.Contains([]string{isKafka, isTLS, isMutualTLS, isSASL, isTLSSASL}, answer)
}

// connect connects as the settings say, and asks for the supported requests.
func (p *prober) connect(ctx context.Context, addr string) (*brokerConn, error) {
	dialing, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	conn, err := p.cluster.Dial(dialing, "tcp", addr)
	if err != nil {
		return nil, err
	}
	b := newConn(ctx, conn, p.cluster.ClientID(), p.timeout)
	if err := b.apiVersions(); err != nil {
		conn.Close()
		return nil, err
	}
	if _, ok := b.apis[int16(kmsg.Metadata)]; !ok {
		conn.Close()
		return nil, errors.New("it does not take Metadata requests")
	}
	return b, nil
}

// identify finds out what listens at an address, by requests that need no settings.
func (p *prober) identify(ctx context.Context, l *listener) {
	conn, err := p.dial(ctx, l.addr)
	if err != nil {
		l.answer, l.detail = dialFault(err), err.Error()
		return
	}
	defer conn.Close()
	b := newConn(ctx, conn, p.cluster.ClientID(), p.timeout)
	if err = b.apiVersions(); err == nil {
		l.release = b.release
		l.answer, l.detail = p.identifyKafka(ctx, b, p.dial, l.addr)
	} else {
		l.answer, l.detail = p.identifyOther(ctx, l.addr, err)
	}
}

// dialFunc opens a connection, with or without TLS.
type dialFunc func(ctx context.Context, addr string) (net.Conn, error)

func (p *prober) dial(ctx context.Context, addr string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: p.timeout}
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

// identifyKafka distinguishes a listener that serves any client from one that wants SASL
// first. Both answer ApiVersions, but the second closes the connection on any other
// request.
func (p *prober) identifyKafka(ctx context.Context, b *brokerConn, dial dialFunc, addr string) (answer, detail string) {
	if _, ok := b.apis[int16(kmsg.Metadata)]; !ok {
		return isController, "it does not take Metadata requests"
	}
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	_, err := b.ask(req, metadataVersion)
	if err == nil {
		return isKafka, ""
	}
	conn, dialErr := dial(ctx, addr)
	if dialErr != nil {
		return isClosed, err.Error()
	}
	defer conn.Close()
	second := newConn(ctx, conn, p.cluster.ClientID(), p.timeout)
	second.apis = b.apis
	hand := kmsg.NewPtrSASLHandshakeRequest()
	hand.Mechanism = "NONE" // there is no such mechanism: the answer lists the supported ones
	resp, shakeErr := second.ask(hand, 1)
	if shakeErr != nil {
		return isClosed, err.Error()
	}
	shake := resp.(*kmsg.SASLHandshakeResponse)
	if errors.Is(kafka.Error(shake.ErrorCode), kafka.UnsupportedSASLMechanism) || shake.ErrorCode == 0 {
		return isSASL, "mechanisms: " + strings.Join(shake.SupportedMechanisms, ", ")
	}
	return isClosed, err.Error()
}

// identifyOther identifies a listener that does not answer as plaintext Kafka does; cause
// is the error of the attempt.
func (p *prober) identifyOther(ctx context.Context, addr string, cause error) (answer, detail string) {
	var notKafka *notKafkaError
	if errors.As(cause, &notKafka) && bytes.HasPrefix(notKafka.head, []byte("HTTP")) {
		return isHTTP, cause.Error()
	}
	if head := p.askHTTP(ctx, p.dial, addr); head != "" { // before TLS: an HTTP server may wait for more of a handshake
		return isHTTP, "answers " + head
	}
	if answer, detail, ok := p.identifyTLS(ctx, addr); ok {
		return answer, detail
	}
	switch {
	case notKafka != nil:
		return isNotKafka, cause.Error()
	case errors.Is(cause, os.ErrDeadlineExceeded):
		return isSilent, fmt.Sprintf("no answer in %v", p.timeout)
	}
	return isClosed, cause.Error()
}
