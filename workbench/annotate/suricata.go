package annotate

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/serveflow/serveflow/flow/zeek/logfile"
)

// eveEvent has the fields of an event in Suricata's EVE JSON that an alert is told by.
type eveEvent struct {
	Timestamp stamp   `json:"timestamp"`
	Type      string  `json:"event_type"`
	SrcIP     string  `json:"src_ip"`
	SrcPort   uint16  `json:"src_port"`
	DestIP    string  `json:"dest_ip"`
	DestPort  uint16  `json:"dest_port"`
	Proto     string  `json:"proto"`
	Flow      eveFlow `json:"flow"`
	Alert     struct {
		Signature string `json:"signature"`
		ID        int64  `json:"signature_id"`
		Category  string `json:"category"`
		Severity  int64  `json:"severity"` // 1 is the worst
	} `json:"alert"`
}

type eveFlow struct {
	Start stamp `json:"start"`
}

// eve are the alerts of an EVE file.
type eve struct{ lines *logfile.Reader }

func newEVE(in io.Reader) *eve { return &eve{logfile.NewReader(in, "-", maxLine)} }

// next returns the next alert. Its names are the category, the signature and the signature's
// number. Source and destination are those of the packet that raised it, in either direction.
func (e *eve) next() (*row, error) {
	line, err := e.lines.Next()
	if err != nil {
		return nil, err
	}
	var event eveEvent
	if err := line.Err; err != nil {
		return nil, &unread{line.Line, err}
	}
	if err := json.Unmarshal(line.JSON, &event); err != nil {
		return nil, &unread{line.Line, plainJSON(err)}
	}
	switch {
	case event.Type == "":
		return nil, &unread{line.Line, errors.New("it has no event_type: name Suricata's eve.json")}
	case event.Type != "alert":
		return nil, nil
	case event.Timestamp == 0:
		return nil, &unread{line.Line, errors.New("it has no timestamp")}
	}
	r := &row{line: line.Line, first: int64(event.Flow.Start), last: int64(event.Timestamp), rank: event.Alert.Severity}
	if r.first == 0 || r.first > r.last {
		r.first = r.last // alerts on a packet without a flow
	}
	if r.ends, err = (tuple{event.SrcIP, port(event.SrcPort), event.DestIP, port(event.DestPort), event.Proto}).ends(); err != nil {
		return nil, &unread{line.Line, err}
	}
	for _, name := range []string{event.Alert.Category, event.Alert.Signature} {
		if name != "" {
			r.names = append(r.names, name)
		}
	}
	if len(r.names) > 0 && event.Alert.ID != 0 {
		r.names = append(r.names, strconv.FormatInt(event.Alert.ID, 10))
	}
	return r, nil
}

func port(number uint16) string { return strconv.Itoa(int(number)) }
