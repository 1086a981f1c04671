package annotate

import (
	"errors"
	"fmt"
	"io"
)

// Kind is a kind of source.
type Kind string

// The kinds.
const (
	Conn     Kind = "conn"     // Zeek's conn.log: its service
	TLS      Kind = "ssl"      // Zeek's ssl.log or quic.log: the server's name
	HTTP     Kind = "http"     // Zeek's http.log: the host
	DNS      Kind = "dns"      // Zeek's dns.log: its own flows, and the names of servers that flows go to later
	NDPI     Kind = "ndpi"     // ndpiReader's CSV or JSON, nDPId's JSON or NFStream's CSV: the protocol
	Suricata Kind = "suricata" // Suricata's EVE JSON: the category of alerts
	Devices  Kind = "devices"  // a list of devices, CSV: mac,label or ip,label
	Labels   Kind = "labels"   // labels as this package writes them, or by uid alone
)

// Kinds are all kinds, in the order in which help names them.
func Kinds() []Kind { return []Kind{Conn, TLS, HTTP, DNS, NDPI, Suricata, Devices, Labels} }

// Wants says which field has the names of a kind of Zeek's logs, and in which log it is; empty for
// any other kind.
func (k Kind) Wants() string {
	switch k {
	case Conn:
		return "service, as conn.log's: Zeek names services only where it sees payload"
	case TLS:
		return "server_name, as those of ssl.log and quic.log"
	case HTTP:
		return "host, as those of http.log"
	case DNS:
		return "query, as those of dns.log"
	}
	return ""
}

// open reads the rows of a source.
func open(kind Kind, in io.Reader) (rows, error) {
	switch kind {
	case Conn:
		return newZeekLog(in, connRow), nil
	case TLS:
		return newZeekLog(in, tlsRow), nil
	case HTTP:
		return newZeekLog(in, httpRow), nil
	case DNS:
		return newZeekLog(in, dnsRow), nil
	case Suricata:
		return newEVE(in), nil
	case NDPI:
		return openNDPI(in)
	case Labels:
		return openLabels(in)
	}
	return nil, fmt.Errorf("%q is no kind of source", kind)
}

// errForm is the error of a source that is of another form than its kind.
type errForm string

// Error says what is wanted.
func (e errForm) Error() string { return string(e) }

// WrongForm returns what says that a source is of another form than its kind, so that nothing of
// it was read; nil for any other error.
func WrongForm(err error) error {
	var form errForm
	if errors.As(err, &form) {
		return form
	}
	return nil
}
