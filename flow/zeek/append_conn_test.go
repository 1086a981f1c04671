package zeek

import (
	"net/netip"
	"strings"
	"testing"
)

// A record of conn.log that is written must be read back the same: the time of the first
// packet, and all of the summary.
func TestAppendConn(t *testing.T) {
	end := Record{Kind: End, TS: 1_700_000_002_500_000, UID: []byte("C1"), Sensor: []byte("north"), Proto: UDP, Sent: 3,
		Orig: netip.MustParseAddrPort("[fd00::1]:1"), Resp: netip.MustParseAddrPort("[fd00::2]:53")}
	sum := Summary{Duration: 2.5, ConnState: "SF", History: "Dd", OrigPkts: 1, RespPkts: 2, OrigIPBytes: 60, RespIPBytes: 300, OrigBytes: 12, RespBytes: 204}
	got, err := decodeConn(string(AppendConn(nil, &end, &sum)))
	want := Record{Kind: Conn, TS: 1_700_000_000_000_000, UID: end.UID, Sensor: end.Sensor, Proto: UDP, Orig: end.Orig, Resp: end.Resp,
		IPLen: Absent, PayloadLen: Absent, TTL: Absent, Flags: Absent, Window: Absent,
		Conn: &ConnFields{Duration: 2_500_000, OrigBytes: 12, RespBytes: 204, MissedBytes: Absent, OrigPkts: 1, RespPkts: 2,
			OrigIPBytes: 60, RespIPBytes: 300, State: []byte("SF"), History: []byte("Dd")}}
	if err != nil || !same(got, want) {
		t.Errorf("got  %+v %+v %v\nwant %+v %+v", got, got.Conn, err, want, want.Conn)
	}
	bare := string(AppendConn(nil, &end, &Summary{OrigBytes: Absent, RespBytes: Absent, ConnState: "OTH"}))
	for _, name := range []string{"duration", "history", "orig_bytes", "resp_bytes", "sent", `"ev"`} {
		if strings.Contains(bare, name) {
			t.Errorf("%s is there though unset: %s", name, bare)
		}
	}
	if got, err := decodeConn(bare); err != nil || got.TS != end.TS || got.Conn.Duration != Absent {
		t.Errorf("got %+v %v", got, err)
	}
}
