package annotate

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/serveflow/serveflow/flow/zeek/logfile"
)

// maxLine is how many bytes a line of a source may have.
const maxLine = 1 << 20

// zeekRecord has the fields of Zeek's logs that name a flow or a device.
type zeekRecord struct {
	TS    stamp  `json:"ts"`
	UID   string `json:"uid"`
	OrigH string `json:"id.orig_h"`
	OrigP uint16 `json:"id.orig_p"`
	RespH string `json:"id.resp_h"`
	RespP uint16 `json:"id.resp_p"`
	Proto string `json:"proto"`

	Service    *string  `json:"service"`     // conn.log
	ServerName string   `json:"server_name"` // ssl.log, quic.log
	Host       string   `json:"host"`        // http.log
	Query      string   `json:"query"`       // dns.log
	TransID    *int64   `json:"trans_id"`    // dns.log, in every record
	Answers    []string `json:"answers"`     // dns.log

	OrigL2   string   `json:"orig_l2_addr"` // conn.log, with mac-logging
	RespL2   string   `json:"resp_l2_addr"`
	MAC      string   `json:"mac"` // dhcp.log, with the next four
	Client   string   `json:"client_addr"`
	Assigned string   `json:"assigned_addr"`
	Lease    float64  `json:"lease_time"` // seconds
	Messages []string `json:"msg_types"`
}

// zeekLog are the rows of one of Zeek's logs, JSON or TSV.
type zeekLog struct {
	lines *logfile.Reader
	fill  func(*row, *zeekRecord)
}

func newZeekLog(in io.Reader, fill func(*row, *zeekRecord)) *zeekLog {
	return &zeekLog{logfile.NewReader(in, "-", maxLine), fill}
}

func (z *zeekLog) next() (*row, error) {
	line, err := z.lines.Next()
	if err != nil {
		return nil, err
	}
	var rec zeekRecord
	if err := line.Err; err != nil {
		return nil, &unread{line.Line, err}
	}
	if err := json.Unmarshal(line.JSON, &rec); err != nil {
		return nil, &unread{line.Line, plainJSON(err)}
	}
	r := &row{line: line.Line, uid: rec.UID, first: int64(rec.TS), last: int64(rec.TS)}
	if rec.UID == "" {
		return nil, &unread{line.Line, fmt.Errorf("it has no uid: name one of Zeek's logs, unchanged")}
	}
	if r.ends, err = z.ends(&rec); err != nil {
		return nil, &unread{line.Line, err}
	}
	z.fill(r, &rec)
	return r, nil
}

// ends reads the 5-tuple. Logs of one protocol alone do not name it.
func (z *zeekLog) ends(rec *zeekRecord) (ends, error) {
	proto := rec.Proto
	if proto == "" {
		proto = "unknown_transport" // it is the uid that tells
	}
	return tuple{rec.OrigH, strconv.Itoa(int(rec.OrigP)), rec.RespH, strconv.Itoa(int(rec.RespP)), proto}.ends()
}
