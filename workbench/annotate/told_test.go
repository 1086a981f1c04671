package annotate

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// What has no pattern is told with the server that it was asked for, for which a pattern can be written.
func TestNamesOfServers(t *testing.T) {
	const head = "protocol,src_ip,src_port,dst_ip,dst_port,first_seen,last_seen,ndpi_proto,server_name_sni\n"
	row := func(names string) string { return "6,10.0.0.1,1,192.0.2.1,443,1,1," + names + "\n" }
	object := func(more string) string {
		return `{"src_ip":"10.0.0.1","src_port":1,"dest_ip":"192.0.2.1","dst_port":443,"proto":"TCP","first_seen":1,"ndpi":{"proto":"TLS"` + more + "}}\n"
	}
	for _, text := range []string{head + row("TLS,Odd.test.") + row("TLS,odd.test") + row("TLS,") + row("Unknown,b.test"),
		object(`,"hostname":"odd.test"`) + object(`,"hostname":"odd.test"`) + object("") + strings.Replace(object(`,"hostname":"b.test"`), "TLS", "Unknown", 1)} {
		var misses []Miss
		opt := options()
		opt.Rules, opt.Miss = rulesOf(t, "known,k\n"), func(m Miss) error { misses = append(misses, m); return nil }
		rep := apply(t, New(tableOf(t, packet("A", 1, 1, 1, 443)), opt), NDPI, text)
		if want := []Name{{"TLS", "odd.test", 2}, {"TLS", "", 1}, {"b.test", "", 1}}; !reflect.DeepEqual(rep.Names, want) || misses[0].Name != "TLS, odd.test" || misses[2].Name != "TLS" {
			t.Errorf("%+v, %+v", rep.Names, misses)
		}
	}
}

// A shift that most rows at other times share is a clock's; that of a single row, or of none, is not told.
func TestShiftOfRows(t *testing.T) {
	records := packet("A", 1, 1000, 1, 443) + packet("B", 1, 2000, 2, 443) + packet("C", 1, 3000, 3, 443)
	const head = "orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n"
	row := func(port int, ts float64) string {
		return fmt.Sprintf("10.0.0.1,%d,192.0.2.1,443,tcp,%f,x\n", port, ts)
	}
	for _, c := range []struct {
		rows  string
		shift time.Duration
		n     int
	}{
		{row(1, 8200) + row(2, 9200.3) + row(3, 7000), 2 * time.Hour, 2},
		{row(2, 1400) + row(3, 2400), -10 * time.Minute, 2},
		{row(1, 8200), 0, 0},
		{row(1, 8200) + row(2, 8200) + row(3, 8200), 0, 0},
		{row(1, 1000) + row(2, 2000), 0, 0},
	} {
		rep := apply(t, New(tableOf(t, records), options()), Labels, head+c.rows)
		if rep.Shift != c.shift || rep.Shifted != c.n {
			t.Errorf("%s: %v of %d, want %v of %d", c.rows, rep.Shift, rep.Shifted, c.shift, c.n)
		}
	}
}

// A file that is not UTF-8 is told as that, with its first line; other labels in it hold.
func TestNoText(t *testing.T) {
	const text = "uid,label\nA,dns\nB,caf\xe9\nC,f\xfcr\n"
	for _, rules := range []string{"", "dns,dns\n*z,z\n"} {
		opt := options()
		if rules != "" {
			opt.Rules = rulesOf(t, rules)
		}
		l := New(tableOf(t, packet("A", 1, 1, 1, 443)+packet("B", 1, 2, 2, 443)+packet("C", 1, 3, 3, 443)), opt)
		rep := apply(t, l, Labels, text)
		if !reflect.DeepEqual(rep.Skips, []Skip{{string(skipText), 2}}) || rep.NoText != 3 || rep.Hits != 1 {
			t.Errorf("%+v", rep)
		}
	}
}

// No source gives the label that is no class.
func TestNoClassIsCalledUnknown(t *testing.T) {
	l := New(tableOf(t, packet("A", 1, 1, 1, 443)), options())
	if rep := apply(t, l, Labels, "uid,label\nA,unknown\n"); !reflect.DeepEqual(rep.Skips, []Skip{{string(skipLabel), 1}}) {
		t.Errorf("%+v", rep)
	}
}
