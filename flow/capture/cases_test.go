package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Each capture of testdata/cases got a wrong answer once, or stands beside one that did.
func TestCases(t *testing.T) {
	const session = "192.0.2.1:40000 > 198.51.100.2:80 SF ShADdFf 8 records, from 1700000000.00"
	atZero := strings.Replace(session, "1700000000.00", "0.00", 1)
	for name, want := range map[string]string{
		"01-pcapng-plain.pcapng":                "8 packets; " + session,
		"01-pcapng-ends-with-statistics.pcapng": "8 packets; " + session,
		"01-pcapng-no-packets.pcapng":           "0 packets",
		"02-times-from-zero.pcap":               "16 packets; " + atZero + "; 192.0.2.1:40001 > 198.51.100.2:80 SF ShADdFf 8 records, from 0.96",
		"02-time-zero-only.pcap":                "8 packets; " + atZero,
		"03-uid-twice.pcap": "4 packets" + strings.Repeat("; 192.0.2.1:5000 > 198.51.100.2:6000 S0 D 1 records, from 1700000000.00", 2) +
			"; 192.0.2.9:1 > 198.51.100.9:2 S0 D 1 records, from 1700001000.00" +
			"; 192.0.2.1:5000 > 198.51.100.2:6000 S0 D 1 records, from 1700000000.00",
		"04-version-2.1.pcap":         "8 packets; " + session,
		"04-caplen-over-snaplen.pcap": "8 packets; " + session,
		"04-fcs-bits.pcap":            "8 packets; " + session,
		"05-erspan1.pcap":             "8 packets; " + session,
		"05-erspan2.pcap":             "8 packets; " + session,
		"05-fabricpath.pcap":          "8 packets; " + session,
		"05-gre-pptp.pcap":            "8 packets; " + session,
		"05-llc-snap.pcap":            "8 packets; " + session,
		"05-ppp.pcap":                 "8 packets; " + session,
		"05-vntag.pcap":               "8 packets; " + session,
		"06-ip6-routing-type2.pcap":   "2 packets; [2001:db8::1]:30000 > [2001:db8:1::2]:13000 SF Dd 2 records, from 1700000000.00",
		"07-icmp-cut.pcap":            "2 packets, 2 cut inside a header",
	} {
		if got := caseFlows(t, filepath.Join("testdata", "cases", name)); got != want {
			t.Errorf("%s: got\n%s, want\n%s", name, got, want)
		}
	}
	if files, err := os.ReadDir(filepath.Join("testdata", "cases")); err != nil || len(files) != 18 {
		t.Errorf("%v, %d cases", err, len(files))
	}
}

// caseFlows converts a capture and returns its flows in the order of their ends, which have
// uids of their own.
func caseFlows(t *testing.T, file string) string {
	t.Helper()
	in, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	check := newChecker(t)
	first := make(map[string]int64)
	var flows strings.Builder
	stats, err := Convert(in, Options{}, func(rec *zeek.Record, sum *zeek.Summary) error {
		uid := string(rec.UID)
		if _, known := first[uid]; !known {
			first[uid] = rec.TS
		}
		if sum != nil {
			fmt.Fprintf(&flows, "; %v > %v %s %s %d records, from %.2f", rec.Orig, rec.Resp, sum.ConnState, sum.History,
				rec.Sent, float64(first[uid])/1e6)
		}
		return check.record(rec, sum)
	})
	if check.done(stats); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	leftOut := ""
	if stats.LeftOut.Total() > 0 {
		leftOut = ", " + stats.LeftOut.String()
	}
	return fmt.Sprintf("%d packets%s%s", stats.Packets, leftOut, flows.String())
}
