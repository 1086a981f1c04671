package annotate

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// ndpiFlow has the fields of a flow in the JSON of ndpiReader and of nDPId.
type ndpiFlow struct {
	SrcIP    string          `json:"src_ip"`
	SrcPort  uint16          `json:"src_port"`
	DestIP   string          `json:"dest_ip"` // ndpiReader
	DstIP    string          `json:"dst_ip"`  // nDPId
	DstPort  uint16          `json:"dst_port"`
	Proto    json.RawMessage `json:"proto"`    // ndpiReader: a name
	L4Proto  json.RawMessage `json:"l4_proto"` // nDPId: a name or a number
	First    stamp           `json:"first_seen"`
	Last     stamp           `json:"last_seen"`
	DFirst   stamp           `json:"flow_first_seen"`
	DSrcLast stamp           `json:"flow_src_last_pkt_time"`
	DDstLast stamp           `json:"flow_dst_last_pkt_time"`
	DLast    stamp           `json:"flow_last_seen"` // older nDPId

	Event string `json:"flow_event_name"` // nDPId: new, detected, detection-update, end ...
	NDPI  *struct {
		Proto      string            `json:"proto"`
		Hostname   string            `json:"hostname"`
		Confidence map[string]string `json:"confidence"` // such as {"6":"DPI"}
	} `json:"ndpi"`
}

// isNDPIJSON reports whether a file that begins so has JSON lines. Those of nDPId may have their
// length in front, as five digits.
func isNDPIJSON(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(head, "0123456789 \t\r\n\xef\xbb\xbf"), []byte("{"))
}

// ndpiJSON are the flows of a file of JSON lines.
type ndpiJSON struct {
	lines  *bufio.Scanner
	number int
}

func newNDPIJSON(in io.Reader) *ndpiJSON {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	return &ndpiJSON{lines: lines}
}

// next returns the next flow, or nil for a line that names no protocol, such as an event of nDPId
// about a packet.
func (n *ndpiJSON) next() (*row, error) {
	var line []byte
	for len(line) == 0 {
		if !n.lines.Scan() {
			return nil, scanned(n.lines, n.number)
		}
		n.number++
		line = bytes.TrimLeft(n.lines.Bytes(), "0123456789 \t\r\xef\xbb\xbf")
	}
	var f ndpiFlow
	if err := json.Unmarshal(line, &f); err != nil {
		return nil, &unread{n.number, plainJSON(err)}
	}
	if f.NDPI == nil {
		return nil, nil
	}
	r := &row{line: n.number, names: ndpiNames(f.NDPI.Proto, f.NDPI.Hostname), asked: serverName(f.NDPI.Hostname), guess: f.Event == "guessed"}
	for _, how := range f.NDPI.Confidence {
		r.guess = r.guess || how == "Match by port"
	}
	r.first = int64(cmp.Or(f.First, f.DFirst))
	r.last = max(r.first, int64(max(f.Last, f.DLast, f.DSrcLast, f.DDstLast)))
	if f.Event != "" {
		r.rank = -int64(n.number) // nDPId says more as it sees more
	}
	if r.first == 0 {
		return nil, &unread{n.number, errors.New("it has no first_seen: newer versions of ndpiReader write it")}
	}
	var err error
	proto := strings.Trim(cmp.Or(string(f.Proto), string(f.L4Proto)), `"`)
	if r.ends, err = (tuple{f.SrcIP, port(f.SrcPort), cmp.Or(f.DestIP, f.DstIP), port(f.DstPort), proto}).ends(); err != nil {
		return nil, &unread{n.number, err}
	}
	return r, nil
}

// plainJSON says what is wrong with a line in words that name no type of ours.
func plainJSON(err error) error {
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		return errors.New("its " + typed.Field + " is a " + typed.Value)
	}
	return err
}
