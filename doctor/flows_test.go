package doctor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// packetAt is packet n of a flow on partition 0, at a record time.
func packetAt(uid string, n uint32, at time.Duration) inputRecord {
	return inputRecord{uid: uid, rec: zeek.Record{Kind: zeek.Packet, UID: []byte(uid), N: n, TS: at.Microseconds(), Flags: zeek.Absent}}
}

// Record time may begin at 0: a packet of then is one, and its flow is over as any other is.
func TestRecordTimeFromZero(t *testing.T) {
	var records []inputRecord
	for i := range 10 {
		records = append(records, packetAt(fmt.Sprint("C", i), 1, 0))
	}
	for at := time.Duration(0); at <= 7*time.Minute; at += 30 * time.Second {
		records = append(records, packetAt("long", uint32(at/(30*time.Second))+1, at))
	}
	found := checkEnds(records, groupByFlow(records))
	if len(found) != 1 || found[0].ID != "ends-missing" || !strings.Contains(strings.Join(found[0].Evidence, "; "), "10 of 10 flows") {
		t.Errorf("found %+v", found)
	}
}

// One wild time behind a packet of time 0 does not make all others late.
func TestWildTimeBehindZero(t *testing.T) {
	records := []inputRecord{packetAt("C1", 1, 0), packetAt("C2", 1, time.Hour), packetAt("C1", 3, time.Second), packetAt("C1", 2, time.Second/2)}
	for _, f := range groupByFlow(records) {
		if f.uid == "C1" && f.maxDelay != time.Second/2 {
			t.Errorf("%v behind, want half a second", f.maxDelay)
		}
	}
	if found := checkEnds(records, groupByFlow(records)); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
}

// A record that comes late is found though its flow's own records are in order; the newest
// record is its sensor's, and a flow of another capture is not late.
func TestRecordsBehindTheirSensor(t *testing.T) {
	for _, test := range []struct {
		name  string
		back  time.Duration // of a flow's second packet behind another flow's
		other string        // that one's sensor
		found bool
	}{
		{"exactly as late as tables bear", time.Second, "", false},
		{"later", time.Second + time.Microsecond, "", true},
		{"behind another sensor", 30 * time.Second, "east", false},
		{"another capture", time.Hour, "", false},
	} {
		other := packetAt("C2", 1, 2*time.Hour)
		other.sensor = test.other
		records := []inputRecord{packetAt("C1", 1, 2*time.Hour-test.back), other, packetAt("C1", 2, 2*time.Hour-test.back)}
		found := checkOrder(&Config{Lateness: time.Second}, groupByFlow(records))
		if (len(found) > 0) != test.found {
			t.Errorf("%s: found %+v", test.name, found)
		}
		if test.found && (found[0].ID != "disorder" || found[0].Severity != Fault || !strings.Contains(found[0].Evidence[0], "1 of 2 flows")) {
			t.Errorf("%s: found %+v", test.name, found)
		}
	}
}
