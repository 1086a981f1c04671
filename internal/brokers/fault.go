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

// Kinds of faults.
const (
	Untrusted       = "untrusted"         // nobody that we trust has signed the broker's certificate
	WrongName       = "wrong-name"        // the broker's certificate is for another name
	Expired         = "expired"           // the broker's certificate is not valid now
	NoTLS           = "no-tls"            // TLS is not spoken there
	WantsTLS        = "wants-tls"         // only TLS is spoken there
	WantsMore       = "wants-more"        // closes without a word: TLS or a login is missing
	CertRefused     = "cert-refused"      // our certificate, or that we have none
	TLSRefused      = "tls-refused"       // no agreement for another reason
	NoLogin         = "no-login"          // no login is wanted there
	MechanismDenied = "mechanism-refused" // the login's mechanism is not taken
	LoginRefused    = "login-refused"     // user or password
	NotKafka        = "not-kafka"         // something else answers
	Impostor        = "impostor"          // the broker does not know the password that it should
)

// Fault is why a broker that can be reached does not let us in, or we not it.
type Fault struct {
	Kind string
	Addr string
	Says string // what is wrong
	Mend string // what to do
	err  error
}

// Error says all of it.
func (f *Fault) Error() string {
	return fmt.Sprintf("broker %s: %s: %s (%v)", f.Addr, f.Says, f.Mend, f.err)
}

// Unwrap is the fault as the connection told it.
func (f *Fault) Unwrap() error { return f.err }

const nameTLS = "set SERVEFLOW_SECURITY_PROTOCOL to what the listener speaks, or name its TLS listener in SERVEFLOW_BROKERS"

// tlsFault says what a failed handshake means; err itself where that says all.
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
	case cutOff(err):
		return fault(NoTLS, "it closed the connection when TLS was begun: it may not speak TLS", nameTLS)
	}
	if refusal := refusal(addr, err); refusal != nil {
		return refusal
	}
	return err
}

// refusal says what the broker's TLS alert means; nil where there is none.
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

// silence says what it means when a broker ends a connection before its first word;
// err itself where that says all.
func silence(addr string, s *Security, err error) error {
	if refusal := refusal(addr, err); refusal != nil {
		return refusal
	}
	if !cutOff(err) {
		return err
	}
	wants := "TLS, or a login"
	switch s.spoken() {
	case ssl:
		wants = "a login (SASL_SSL), or another certificate"
	case saslPlaintext:
		wants = "TLS (SASL_SSL)"
	case saslSSL:
		wants = "no login, or another certificate"
	}
	return &Fault{WantsMore, addr, "it closed the connection without a word: it may want " + wants,
		"SERVEFLOW_SECURITY_PROTOCOL is " + s.spoken() + ": set it to what the listener speaks; serveflow doctor finds that out", err}
}

// cutOff tells whether an error is the other side's end of a connection.
func cutOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// hung tells whether an error is a deadline that has passed.
func hung(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func wantsTLS(addr string, answer []byte) error {
	return &Fault{WantsTLS, addr, "it speaks TLS", "set SERVEFLOW_SECURITY_PROTOCOL to SSL or SASL_SSL", fmt.Errorf("it answers with a TLS alert, % x", answer)}
}

func notKafka(addr string, answer []byte) error {
	return &Fault{NotKafka, addr, "what answers there is not Kafka", "name the brokers' own port in SERVEFLOW_BROKERS", fmt.Errorf("it answers %q", answer)}
}

func handshakeFault(addr, mechanism string, hand *kmsg.SASLHandshakeResponse) error {
	err := kafka.Error(hand.ErrorCode)
	switch {
	case errors.Is(err, kafka.UnsupportedSASLMechanism):
		return &Fault{MechanismDenied, addr, fmt.Sprintf("it does not take %s; it takes %.100q", mechanism, strings.Join(hand.SupportedMechanisms, ", ")),
			"set SERVEFLOW_SASL_MECHANISM to one of those", err}
	case errors.Is(err, kafka.IllegalSASLState):
		return &Fault{NoLogin, addr, "this listener wants no login", "set SERVEFLOW_SECURITY_PROTOCOL to SSL or PLAINTEXT, or name the listener with SASL", err}
	}
	return &Fault{LoginRefused, addr, "it refuses to begin a login", "look in the broker's log for why", err}
}

func loginFault(addr string, said *kmsg.SASLAuthenticateResponse) error {
	why := ""
	if said.ErrorMessage != nil {
		why = *said.ErrorMessage
	}
	return &Fault{LoginRefused, addr, fmt.Sprintf("it refuses the login: %.200q", why),
		"mend SERVEFLOW_SASL_USERNAME and SERVEFLOW_SASL_PASSWORD_FILE (or SERVEFLOW_SASL_PASSWORD), or have the user made for this mechanism",
		kafka.Error(said.ErrorCode)}
}

func impostor(addr string, err error) error {
	return &Fault{Impostor, addr, "it cannot prove that it knows our password", "look who answers there: it is not the broker that the user was made on", err}
}
