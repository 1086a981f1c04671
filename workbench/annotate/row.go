package annotate

import (
	"fmt"
	"net/netip"
	"slices"
	"unicode/utf8"
)

// row is what one line of a source says.
type row struct {
	line        int
	uid         string // of the flow that it is about; or else ends and a span of time tell
	ends        ends
	anyEnds     bool  // the uid alone tells
	first, last int64 // microseconds

	names  []string // what it calls the flow; without rules, the first is the label
	server bool     // the first name is that of a server
	asked  string   // the server that the client asked for, where the first name is a protocol
	final  bool     // the first name is a label already: rules may change it, but need not
	guess  bool     // the name was told from the port alone
	rank   int64    // of several rows of one source about one flow, the lowest holds

	answers []answer // of DNS: addresses that a client got
	query   string   // the name that it asked for
}

// name is what a pattern of the map could be for.
func (r *row) name() (n Name) {
	if len(r.names) > 0 {
		n.Name = r.names[0]
	}
	if r.asked != n.Name {
		n.Server = r.asked
	}
	return n
}

// isText reports whether all names are text.
func (r *row) isText() bool {
	return !slices.ContainsFunc(r.names, func(name string) bool { return !utf8.ValidString(name) })
}

// answer is a server's address, as DNS gave it to a client.
type answer struct{ client, server netip.Addr }

// skip is why a row gives no flow a label, as the report counts it.
type skip string

// The reasons. A row that says nothing, or is of another kind, is no fault of anybody's.
const (
	skipUnread  skip = "cannot be read"
	skipNothing skip = "no name in it"
	skipUID     skip = "no flow with its uid"
	skipTuple   skip = "no flow with its uid between its addresses and ports"
	skipEnds    skip = "no flow between its addresses and ports"
	skipTime    skip = "flows between them at other times alone"
	skipGuess   skip = "guessed from the port alone"
	skipRule    skip = "its name fits no pattern of the map"
	skipText    skip = "its name is not text in UTF-8: save the file as UTF-8"
	skipLabel   skip = "its name cannot be a label: 64 printable characters at most, and not unknown"
	skipDevice  skip = "no flow of the device"
	skipAddress skip = "no address is known for its MAC"
)

// unread is a line that is no row of the source. The reading goes on.
type unread struct {
	line int
	err  error
}

// Error names the line.
func (u *unread) Error() string { return fmt.Sprintf("line %d: %v", u.line, u.err) }

// Unwrap gives what is wrong with the line.
func (u *unread) Unwrap() error { return u.err }

// rows are the rows of one source. next returns io.EOF behind the last one, an *unread for a line
// that is none, and nil for one that is of another kind.
type rows interface{ next() (*row, error) }
