package capture

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/needs"
)

// TestAgainstZeek compares the records of captures with those of a real Zeek: the flows,
// the order, number, direction and header bytes of their packets, and their end. All must
// be equal.
//
// It reads two captures by default, and all twelve, with 1.5 million packets, if no test
// may be skipped.
func TestAgainstZeek(t *testing.T) {
	files := map[string]string{"service-test": "service/test", "flood": "load/flood"}
	if needs.Everything() {
		for _, name := range []string{"trace", "full"} {
			files[name] = "load/" + name
		}
		for _, task := range []string{"service", "device", "intrusion"} {
			for _, split := range []string{"train", "calib", "test"} {
				files[task+"-"+split] = task + "/" + split
			}
		}
	}
	shared := needs.SharedData(t, ".")
	for name, path := range files {
		t.Run(name, func(t *testing.T) {
			ours := flowsOf(t, func(take func([]byte)) { convertLines(t, filepath.Join(shared, path+".pcap.zst"), take) })
			zeeks := flowsOf(t, func(take func([]byte)) {
				readLines(t, filepath.Join(shared, "zeek", name+".flowpkt.log.zst"), take)
			})
			compareFlows(t, ours, zeeks)
		})
	}
}

// flowRecords is the records of a flow: the decoded packets, and the end as text.
type flowRecords struct {
	packets []zeek.Record
	end     string
}

// flowsOf collects flows, sorted by their ends and first packets.
func flowsOf(t *testing.T, lines func(take func([]byte))) []*flowRecords {
	t.Helper()
	flows := make(map[string]*flowRecords)
	var d zeek.Decoder
	lines(func(line []byte) {
		var rec zeek.Record
		if err := d.Decode(line, &rec); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		f := flows[string(rec.UID)]
		if f == nil {
			f = &flowRecords{}
			flows[string(rec.UID)] = f
		}
		if rec.Kind == zeek.End {
			f.end = endText(line)
			return
		}
		rec.UID, rec.Hdr = nil, bytes.Clone(rec.Hdr)
		f.packets = append(f.packets, rec)
	})
	sorted := make([]*flowRecords, 0, len(flows))
	for _, f := range flows {
		sorted = append(sorted, f)
	}
	slices.SortFunc(sorted, func(a, b *flowRecords) int {
		return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.begin(), b.begin()))
	})
	return sorted
}

// endText is an end record after its uid. Zeek sometimes prints one digit too many of the
// duration, so endText reads and prints it again.
func endText(line []byte) string {
	_, behind, _ := bytes.Cut(line, []byte(`,"id.orig_h"`))
	head, tail, ok := strings.Cut(string(behind), `"duration":`)
	if !ok {
		return head
	}
	number, tail, _ := strings.Cut(tail, ",")
	duration, err := strconv.ParseFloat(number, 64)
	return fmt.Sprint(head, duration, err, tail)
}

func (f *flowRecords) begin() int64 {
	if len(f.packets) == 0 {
		return 0
	}
	return f.packets[0].TS
}

func compareFlows(t *testing.T, ours, zeeks []*flowRecords) {
	t.Helper()
	var flows, equalFlows, packets, equalPackets int
	for i, z := range zeeks {
		flows++
		packets += len(z.packets)
		if i >= len(ours) || ours[i].end != z.end || len(ours[i].packets) != len(z.packets) {
			continue
		}
		equal := 0
		for j := range z.packets {
			if samePacket(ours[i].packets[j], z.packets[j]) {
				equal++
			}
		}
		equalPackets += equal
		if equal == len(z.packets) {
			equalFlows++
		}
	}
	t.Logf("%d of %d packet records and %d of %d flows equal", equalPackets, packets, equalFlows, flows)
	if equalPackets != packets || equalFlows != flows || len(ours) != len(zeeks) || packets == 0 {
		t.Errorf("%d of %d packet records, %d of %d flows equal; ours has %d flows",
			equalPackets, packets, equalFlows, flows, len(ours))
	}
}

// samePacket compares the fields that both have. Zeek leaves out lengths and flags if the
// capture cut the payload.
func samePacket(ours, zeeks zeek.Record) bool {
	if zeeks.IPLen == zeek.Absent {
		ours.IPLen = zeek.Absent
	}
	if zeeks.PayloadLen == zeek.Absent {
		ours.PayloadLen = zeek.Absent
	}
	if zeeks.TTL == zeek.Absent {
		ours.TTL = zeek.Absent
	}
	if zeeks.Flags == zeek.Absent {
		ours.Flags, ours.Window = zeek.Absent, zeek.Absent
	}
	hdr := bytes.Equal(ours.Hdr, zeeks.Hdr)
	ours.Hdr, zeeks.Hdr, ours.UID, zeeks.UID = nil, nil, nil, nil
	return hdr && ours.Kind == zeeks.Kind && ours.TS == zeeks.TS && ours.Orig == zeeks.Orig && ours.Resp == zeeks.Resp &&
		ours.Proto == zeeks.Proto && ours.N == zeeks.N && ours.FromOrig == zeeks.FromOrig && ours.IPLen == zeeks.IPLen &&
		ours.PayloadLen == zeeks.PayloadLen && ours.TTL == zeeks.TTL && ours.Flags == zeeks.Flags && ours.Window == zeeks.Window
}

func convertLines(t *testing.T, path string, take func([]byte)) {
	t.Helper()
	in, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var line []byte
	if _, err := Convert(in, Options{EveryEnd: true}, func(rec *zeek.Record, sum *zeek.Summary) error {
		line = appendAny(line[:0], rec, sum)
		take(line)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func readLines(t *testing.T, path string, take func([]byte)) {
	t.Helper()
	in, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		take(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
