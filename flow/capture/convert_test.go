package capture

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

func TestDepth(t *testing.T) {
	f := newCapture(t)
	for i := range 5 {
		f.udp(float64(i), client, other, 5)
	}
	lines, stats := f.convert(Options{Depth: 2})
	if got := strings.Join(lines, "; "); got != "A 1 192.0.2.1 40000 > 7777; A 2 192.0.2.1 40000 > 7777; A end S0 D sent=2" {
		t.Error(got)
	}
	if stats.Packets != 5 || stats.Records != 2 || stats.Flows != 1 {
		t.Errorf("%+v", stats)
	}
}

// If there are too many flows, the one that would be forgotten first must end early, and
// none may be lost.
func TestMaxFlows(t *testing.T) {
	f := newCapture(t)
	for i := range 100 {
		f.udp(float64(i)/1000, fmt.Sprintf("192.0.2.%d:40000", i), other, 5)
	}
	check := newChecker(t)
	most := 0
	stats, err := Convert(&f.file, Options{MaxFlows: 10}, func(rec *zeek.Record, sum *zeek.Summary) error {
		err := check.record(rec, sum)
		most = max(most, len(check.open)-len(check.over))
		return err
	})
	if err != nil || stats.Evicted != 90 || stats.Ends != 100 || most > 10 {
		t.Errorf("%v, %d open, %+v", err, most, stats)
	}
	check.done(stats)
}

// A packet of which nothing was captured is left out, and its time, too, as in Zeek.
func TestEmptyPackets(t *testing.T) {
	f := newCapture(t)
	f.udp(0, client, other, 5)
	f.raw(1e6, nil)
	f.udp(1, client, other, 5)
	lines, stats := f.convert(Options{})
	if got := strings.Join(lines, "; "); got != "A 1 192.0.2.1 40000 > 7777; A 2 192.0.2.1 40000 > 7777; A end S0 D sent=2" ||
		stats.LeftOut.Malformed != 1 {
		t.Errorf("%s %s", got, stats.LeftOut)
	}
}

func TestEmitStops(t *testing.T) {
	f := newCapture(t)
	for i := range 10 {
		f.udp(float64(i), client, other, 5)
	}
	full := errors.New("disk full")
	calls := 0
	_, err := Convert(&f.file, Options{}, func(*zeek.Record, *zeek.Summary) error {
		if calls++; calls == 3 {
			return full
		}
		return nil
	})
	if !errors.Is(err, full) || calls != 3 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// A packet that is cut inside its TCP options must open a flow without a packet record, as
// in Zeek. A cut after the headers must change nothing.
func TestSnapLength(t *testing.T) {
	play := func(snap int) ([]string, Stats) {
		f := newCapture(t)
		f.snap = snap
		f.handshake(0, client, web)
		f.tcp(1, client, web, "PA", 101, 901, 100)
		return f.convert(Options{})
	}
	whole, _ := play(0)
	if cut, stats := play(52); strings.Join(cut, "\n") != strings.Join(whole, "\n") || stats.LeftOut.Cut != 0 {
		t.Errorf("after the headers: %q %+v", cut, stats)
	}
	lines, stats := play(44)
	if len(lines) != 0 || stats.LeftOut.Cut != 4 || stats.Flows != 2 || stats.Silent != 2 {
		t.Errorf("inside the options: %q %+v", lines, stats)
	}
	if lines, stats := play(30); len(lines) != 0 || stats.LeftOut.Cut != 4 || stats.Flows != 0 {
		t.Errorf("inside the fixed header: %q %+v", lines, stats)
	}
}

// Segmentation offload leaves the IP length 0. The record must say so, as Zeek's does, and
// must have the true payload length.
func TestOffload(t *testing.T) {
	f := newCapture(t)
	f.tcp(0, client, web, "PA", 101, 901, 3000)
	data := f.file.Bytes()
	data[24+16+2], data[24+16+3] = 0, 0
	var got zeek.Record
	if _, err := Convert(&f.file, Options{}, func(rec *zeek.Record, sum *zeek.Summary) error {
		if sum == nil {
			got = *rec
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got.IPLen != 0 || got.PayloadLen != 3000 {
		t.Errorf("%+v", got)
	}
}

// Every time of a capture is one that a record can have: from 0 on, which times relative
// to the beginning need, and after 2100. A packet far ahead moves the clock, and one far
// back does not.
func TestTimes(t *testing.T) {
	f := newCapture(t)
	f.udp(-captureStart, client, other, 5) // 1970
	f.udp(-captureStart+1e-6, client, other, 5)
	f.udp(0, client, other, 5)
	f.udp(2.5e9, client, other, 5) // after 2100
	f.udp(1, client, other, 5)
	f.udp(.5, client, other, 5)
	var got []int64
	stats, err := Convert(&f.file, Options{}, func(rec *zeek.Record, sum *zeek.Summary) error {
		if sum == nil {
			got = append(got, rec.TS)
		}
		return nil
	})
	want := []int64{0, 1, captureStart * 1e6, (captureStart + 2.5e9) * 1e6, (captureStart + 1) * 1e6, (captureStart + .5) * 1e6}
	if err != nil || !slices.Equal(got, want) || stats.LeftOut.Total() != 0 || stats.Flows != 3 {
		t.Errorf("%v: %v, want %v; %+v", err, got, want, stats)
	}
}

// Times below 0 are left out and counted, and do not move the clock, however pcap's 32 bits
// are read.
func TestTimesBelowZero(t *testing.T) {
	f := newCapture(t)
	f.udp(-captureStart-.5, client, other, 5)
	f.udp(-captureStart, client, other, 5)
	f.udp(-captureStart-1e-6, client, other, 5)
	f.udp(-captureStart-100*86400, client, other, 5)
	f.udp(-captureStart+1, client, other, 5)
	lines, stats := f.convert(Options{})
	got := strings.Join(lines, "; ")
	if got != "A 1 192.0.2.1 40000 > 7777; A 2 192.0.2.1 40000 > 7777; A end S0 D sent=2" || stats.LeftOut.String() != "3 with a bad time" {
		t.Errorf("%s; %s", got, stats.LeftOut)
	}
}

// The same capture must have the same uids again, another capture other ones.
func TestUIDs(t *testing.T) {
	play := func(at float64) []byte {
		f := newCapture(t)
		for i := range 50 {
			f.udp(at+float64(i)/1e6, fmt.Sprintf("192.0.2.1:%d", 1000+i%10), other, 5)
		}
		var out []byte
		if _, err := Convert(&f.file, Options{}, func(rec *zeek.Record, sum *zeek.Summary) error {
			if sum != nil {
				out = append(append(out, rec.UID...), ' ')
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := play(0)
	if !bytes.Equal(first, play(0)) {
		t.Error("the same capture, other uids")
	}
	seen := make(map[string]bool)
	for _, uid := range append(bytes.Fields(first), bytes.Fields(play(1))...) {
		if seen[string(uid)] || uid[0] != 'C' || len(uid) < 12 || len(uid) > 18 {
			t.Errorf("uid %s", uid)
		}
		seen[string(uid)] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d uids", len(seen))
	}
}
