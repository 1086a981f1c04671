package zeek

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestLogOfAFile(t *testing.T) {
	for file, want := range map[string]string{
		"conn.log": "conn", "/opt/zeek/logs/current/conn.log": "conn", `C:\zeek\conn.log`: "conn", "conn.log.gz": "conn", "conn.log.1": "conn",
		"conn.2026-11-24-10-00-00.log": "conn", "conn-26-11-24_10.00.00.log": "conn", "conn.10:00:00-11:00:00.log.gz": "conn",
		"conn.10:00:00-11:00:00-logger-1.log.gz": "conn", "conn__2026-11-24-10-00-00__2026-11-24-11-00-00__.log": "conn",
		"conn_20261124.log": "conn", "conn.log-20261124": "conn", "service-test.conn.log.zst": "conn", "dns.conn.log": "conn",
		"conn_long.log": "conn_long", "conn_long.2026-11-24-10-00-00.log.gz": "conn_long", "conn_red.log": "conn_red", "conn-summary.log": "conn-summary",
		"http.log": "http", "site.http.10:00:00-11:00:00.log": "http", "serveflow.log": "serveflow",
		"json_streaming_conn.log": "conn", "json_streaming_conn_long.1.log": "conn_long", "json_streaming_dns.4.log": "dns",
		"conn_long.json": "conn_long", "conn_long.2026-11-24.jsonl.gz": "conn_long", "site.conn_red.ndjson": "conn_red",
		// Other names say nothing.
		"json_streaming_.log": "", "json_streaming_http.json": "", "conn.json": "", "json": "", "conn_long": "", "conn_long.csv": "",
		"": "", "-": "", "conn": "", "conn.jsonl": "", "lab-conn.jsonl.zst": "", "http.json": "", "big.log": "", "my.http": "", "conn.logs": "", "/conn.log/x": "",
		"connection.log": "", "log": "", ".log": "", "l1.log": "",
	} {
		if got := LogOf(file); got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}

const bareConn = `{"uid":"C1","ts":1e9,"id.orig_h":"::1","id.orig_p":1,"id.resp_h":"::2","id.resp_p":2,"proto":"tcp","conn_state":"SF"}`

// What names another log keeps a record from being taken for one of conn.log, although it
// has all of its fields. The name that is nearest to the record counts.
func TestRecordsOfAnotherConnectionLog(t *testing.T) {
	filebeat := func(log, record string) string {
		return `{"log":{"offset":0,"file":{"inode":"7","path":"/logs/` + log + `"}},"message":` + quoted(record) + `}`
	}
	for line, kind := range map[string]Kind{
		bareConn:                                                                           Conn,
		`{"_path":"conn_long",` + bareConn[1:]:                                             Other,
		`{"_path":"http",` + bareConn[1:]:                                                  Other,
		`{"_path":"logs/conn",` + bareConn[1:]:                                             Conn,
		`{"_path":"conn/logs",` + bareConn[1:]:                                             Other,
		`{"_path":"",` + bareConn[1:]:                                                      Conn,
		`{"_path":7,` + bareConn[1:]:                                                       Conn,
		`{"conn":` + bareConn + `}`:                                                        Conn,
		`{"conn_long":` + bareConn + `}`:                                                   Other,
		`{"dns":` + bareConn + `,"site":"lab"}`:                                            Other,
		`{"conn":{"_path":"conn_long",` + bareConn[1:] + `}`:                               Other,
		`{"streams":{"_path":"conn",` + bareConn[1:] + `}`:                                 Conn,
		filebeat("conn_long.log", bareConn):                                                Other,
		filebeat("conn.2026-11-24-10-00-00.log", bareConn):                                 Conn,
		filebeat("big.log", bareConn):                                                      Conn,
		filebeat("conn_long.log", `{"_path":"conn",`+bareConn[1:]):                         Conn,
		filebeat("conn.log", `{"conn_long":`+bareConn+`}`):                                 Other,
		`{"log":{"file":{"path":"/logs/conn_red.log"}},` + bareConn[1:]:                    Other,
		`{"log":{"file":{"p\u0061th":"/logs/conn_red.log"}},` + bareConn[1:]:               Other,
		`{"log":{"file":{"path":"/conn_red.log","path":null}},` + bareConn[1:]:             Conn,
		`{"log":{"file":["path","/logs/conn_red.log"]},` + bareConn[1:]:                    Conn,
		`{"log":{"file":{"path":7}},` + bareConn[1:]:                                       Conn,
		`{"log":{},` + bareConn[1:]:                                                        Conn,
		`{"log.file.path":"/logs/conn_red.log",` + bareConn[1:]:                            Other,
		`{"file":"/logs/conn_red.log",` + bareConn[1:]:                                     Other,
		`{"file":"/logs/conn_red.log","message":` + quoted(bareConn) + `}`:                 Other,
		`{"source":"/logs/conn_long.log","message":` + quoted(bareConn) + `}`:              Other,
		`{"path":"/logs/conn_long.log","message":` + quoted(bareConn) + `}`:                Other,
		`{"filename":"/logs/json_streaming_conn_long.log","log":` + quoted(bareConn) + `}`: Other,
		`{"filePath":"/logs/conn_long.log",` + bareConn[1:]:                                Other,
		`{"file_path":"/logs/conn_long.log",` + bareConn[1:]:                               Other,
		`{"path":"conn_long",` + bareConn[1:]:                                              Other,
		`{"path":"dns",` + bareConn[1:]:                                                    Other,
		`{"path":"conn",` + bareConn[1:]:                                                   Conn,
		`{"path":"/a/b","source":"eth0","file":"big.log",` + bareConn[1:]:                  Conn,
		`{"file":"stdin","source":"/logs/conn_long.log",` + bareConn[1:]:                   Other,
		`{"file":"/logs/conn.log","source":"/logs/conn_long.log",` + bareConn[1:]:          Conn,
		`{"file":7,"path":"/logs/conn_long.log",` + bareConn[1:]:                           Other,
		`{"path":"conn_long","_path":"conn",` + bareConn[1:]:                               Conn,
		`{"_path":"conn_long","message":` + quoted(bareConn) + `}`:                         Other,
		`{"payload":` + quoted(filebeat("conn_long.log", bareConn)) + `}`:                  Other,
		`{"message":` + quoted(`{"payload":`+bareConn+`}`) + `,"file":"http.log"}`:         Other,
	} {
		got, err := decodeConn(line)
		if err != nil || got.Kind != kind || string(got.UID) != "C1" {
			t.Errorf("%s\nkind %d %v, want %d", line, got.Kind, err, kind)
		}
		if want, err := reference([]byte(line), true); err != nil || !same(got, want) {
			t.Errorf("%s\ngot %+v, the reference %+v %v", line, got, want, err)
		}
	}
}

func TestConnByFieldsAlone(t *testing.T) {
	d := Decoder{Conns: true}
	for line, want := range map[string]bool{
		bareConn: true, `{"message":` + quoted(bareConn) + `}`: true, `{"id":{},` + bareConn[1:]: true,
		`{"_path":"conn",` + bareConn[1:]: false, `{"conn":` + bareConn + `}`: false, `{"conn_long":` + bareConn + `}`: false,
		endLine: false, dnsLine: false, pktLine: false, bareConn[1:]: false, "": false,
		strings.Replace(bareConn, `"uid"`, `"fuid"`, 1): false,
	} {
		if got := d.ConnByFieldsAlone([]byte(line)); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

// The record of conn_long and that of conn of one connection: only the second is a flow.
func TestConnLongIsNotConn(t *testing.T) {
	lines, err := os.ReadFile("testdata/conn-long.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []Kind
	for line := range bytes.Lines(lines) {
		rec, err := decodeConn(string(line))
		if err != nil {
			t.Error(err)
		}
		kinds = append(kinds, rec.Kind)
	}
	if len(kinds) != 2 || kinds[0] != Other || kinds[1] != Conn {
		t.Errorf("kinds %d", kinds)
	}
}
