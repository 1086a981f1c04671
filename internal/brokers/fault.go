package brokers

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The kinds of faults. "We" are this client.
const (
	Unresolved      = "unresolved"        // the broker's name has no address on this machine
	Untrusted       = "untrusted"         // no authority that we trust has signed the broker's certificate
	WrongName       = "wrong-name"        // the broker's certificate is for another name
	Expired         = "expired"           // the broker's certificate is not valid now
	NoTLS           = "no-tls"            // the listener does not speak TLS
	WantsTLS        = "wants-tls"         // the listener speaks only TLS
	WantsMore       = "wants-more"        // the broker closes without an answer: TLS or a login is missing
	CertRefused     = "cert-refused"      // the broker refuses our certificate, or wants one
	TLSRefused      = "tls-refused"       // the broker ends the TLS handshake for another reason
	NoLogin         = "no-login"          // the listener wants no login
	MechanismDenied = "mechanism-refused" // the broker does not take the login's mechanism
	LoginRefused    = "login-refused"     // the broker refuses user or password
	NotKafka        = "not-kafka"         // something other than Kafka answers
	Impostor        = "impostor"          // the broker cannot prove that it knows our password
)

// Fault is an error of a broker that can be reached: it refuses this client, or this
// client does not trust it.
type Fault struct {
	Kind string // Untrusted, WrongName and so on
	Addr string // host:port
	Says string // what is wrong, for an operator
	Mend string // the remedy, for an operator
	err  error
}

// Error gives the address, what is wrong, the remedy and the cause.
func (f *Fault) Error() string {
	return fmt.Sprintf("broker %s: %s: %s (%v)", f.Addr, f.Says, f.Mend, f.err)
}

// Unwrap returns the cause: the connection's own error.
func (f *Fault) Unwrap() error { return f.err }

const nameTLS = "set SERVEFLOW_SECURITY_PROTOCOL to what the listener speaks, or name its TLS listener in SERVEFLOW_BROKERS"

// tlsFault explains a failed TLS handshake. It returns err where it has nothing to add.
func tlsFault(addr string, err error) error {
	fault := func(kind, says, mend string) error { return &Fault{kind, addr, says, mend, err} }
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &authority):
		return fault(Untrusted, "its certificate is signed by nobody whom we trust",
			"set SERVEFLOW_TLS_CA_FILE to the certificate of the authority that signed it")
	case errors.As(err, &name):
		return fault(WrongName, "its certificate is for another name",
			"name the broker as its certificate does, in SERVEFLOW_BROKERS and in its advertised.listeners, or have the certificate made for this name too")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fault(Expired, "its certificate has expired or is not valid yet", "renew the broker's certificate; if it is new, look at this machine's clock")
	case errors.As(err, &invalid):
		return fault(Untrusted, "its certificate cannot be trusted", "have one made that is for a server, by the authority in SERVEFLOW_TLS_CA_FILE")
	case errors.As(err, &header):
		return fault(NoTLS, "it does not speak TLS", nameTLS)
	case connectionClosed(err):
		return fault(NoTLS, "it closed the connection when TLS was begun: it may not speak TLS", nameTLS)
	}
	if refusal := refusal(addr, err); refusal != nil {
		return refusal
	}
	return err
}

// refusal explains the broker's TLS alert; nil where err is none.
func refusal(addr string, err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return nil
	}
	if strings.Contains(op.Err.Error(), "certificate") {
		return &Fault{CertRefused, addr, "it refuses our certificate, or wants one",
			"set SERVEFLOW_TLS_CERT_FILE and SERVEFLOW_TLS_KEY_FILE to a valid certificate of an authority that the broker trusts", err}
	}
	return &Fault{TLSRefused, addr, "it breaks off TLS", "look in the broker's log for why; TLS 1.2 or newer is spoken here", err}
}

// closedEarly explains why a broker closes a connection before its first response. It
// returns err where it has nothing to add.
func (c *Cluster) closedEarly(addr string, err error) error {
	if refusal := refusal(addr, err); refusal != nil {
		return refusal
	}
	if !connectionClosed(err) {
		return err
	}
	wants := "TLS, or a login"
	switch c.Protocol() {
	case ssl:
		wants = "a login (SASL_SSL), or another certificate"
	case saslPlaintext:
		wants = "TLS (SASL_SSL)"
	case saslSSL:
		wants = "no login, or another certificate"
	}
	return &Fault{WantsMore, addr, "it closed the connection without a word: it may want " + wants,
		"SERVEFLOW_SECURITY_PROTOCOL is " + c.Protocol() + ": set it to what the listener speaks; serveflow doctor finds that out", err}
}

// connectionClosed reports whether the other side has closed the connection.
func connectionClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// timedOut reports whether a deadline has passed.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func wantsTLS(addr string, answer []byte) error {
	return &Fault{WantsTLS, addr, "it speaks TLS", "set SERVEFLOW_SECURITY_PROTOCOL to SSL or SASL_SSL", fmt.Errorf("it answers with a TLS alert, % x", answer)}
}

func notKafka(addr string, answer []byte) error {
	return &Fault{NotKafka, addr, "what answers there is not Kafka", "name the brokers' own port in SERVEFLOW_BROKERS", fmt.Errorf("it answers %q", answer)}
}

func handshakeFault(addr, mechanism string, resp *kmsg.SASLHandshakeResponse) error {
	err := kafka.Error(resp.ErrorCode)
	switch {
	case errors.Is(err, kafka.UnsupportedSASLMechanism):
		return &Fault{MechanismDenied, addr, fmt.Sprintf("it does not take %s; it takes %.100q", mechanism, strings.Join(resp.SupportedMechanisms, ", ")),
			"set SERVEFLOW_SASL_MECHANISM to one of those", err}
	case errors.Is(err, kafka.IllegalSASLState):
		return &Fault{NoLogin, addr, "this listener wants no login", "set SERVEFLOW_SECURITY_PROTOCOL to SSL or PLAINTEXT, or name the listener with SASL", err}
	}
	return &Fault{LoginRefused, addr, "it refuses to begin a login", "look in the broker's log for why", err}
}

func loginFault(addr string, resp *kmsg.SASLAuthenticateResponse) error {
	why := ""
	if resp.ErrorMessage != nil {
		why = *resp.ErrorMessage
	}
	return &Fault{LoginRefused, addr, fmt.Sprintf("it refuses the login: %.200q", why),
		"mend SERVEFLOW_SASL_USERNAME and SERVEFLOW_SASL_PASSWORD_FILE (or SERVEFLOW_SASL_PASSWORD), or have the user made for this mechanism",
		kafka.Error(resp.ErrorCode)}
}

func impostor(addr string, err error) error {
	return &Fault{Impostor, addr, "it cannot prove that it knows our password", "look who answers there: it is not the broker that the user was made on", err}
}
