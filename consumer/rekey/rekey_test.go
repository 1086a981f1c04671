package rekey

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/internal/metricstest"
)

const (
	testSlack = 200_000 // microseconds
	hour      = 3600.
	year      = 365 * 24 * hour
)

// testConfig gives a slack of testSlack.
var testConfig = Config{Topic: "in", Lateness: 5 * testSlack * time.Microsecond}

// pins gives ackers that nobody looks at.
type pins struct{}

func (pins) Pin(int64) delivery.Acker { return acked{} }

type acked struct{}

func (acked) Ack() {}

// line is a packet record; at is seconds.
func line(uid string, n int, at float64) []byte {
	return fmt.Appendf(nil, `{"ev":"pkt","ts":%.6f,"uid":%q,"id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"udp","n":%d,"is_orig":true,"hdr":"RQAAHA=="}`,
		1.7e9+at, uid, n)
}

// keyed keeps what is handed on, in order.
type keyed struct {
	mu      sync.Mutex
	records []zeek.Record
	values  [][]byte
}

func (k *keyed) Forward(_ context.Context, key, value []byte, acker delivery.Acker) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var decoder zeek.Decoder
	var rec zeek.Record
	if err := decoder.Decode(value, &rec); err != nil || !bytes.Equal(key, rec.UID) {
		panic(fmt.Sprintf("key %s of %s: %v", key, value, err))
	}
	k.records = append(k.records, rec)
	k.values = append(k.values, value)
	acker.Ack()
}

// endLine is an end record; at is the time of the flow's last packet.
func endLine(uid string, at float64) []byte {
	return fmt.Appendf(nil, `{"ev":"end","ts":%.6f,"uid":%q,"id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"udp"}`, 1.7e9+at, uid)
}

// merged hands the lines of some partitions to a member, each in a goroutine of its
// own and in fetches of its own size, and gives what comes out.
func merged(t *testing.T, seed int64, partitions [][][]byte) *keyed {
	t.Helper()
	out := &keyed{}
	ids := make([]int, len(partitions))
	reg := prometheus.NewRegistry()
	rekeyers := New(testConfig, ids, out, NewMetrics(reg), slog.New(slog.DiscardHandler))
	var all sync.WaitGroup
	for i, lines := range partitions {
		size := 1 + rand.New(rand.NewSource(seed+int64(i))).Intn(300)
		all.Go(func() {
			r := rekeyers[i]
			for atEnd := false; !atEnd; {
				n := min(size, len(lines))
				for offset, value := range lines[:n] {
					if err := r.Take(t.Context(), value, int64(offset), pins{}); err != nil {
						t.Error(err)
					}
				}
				lines = lines[n:]
				atEnd = len(lines) == 0
				r.AfterFetch(t.Context(), atEnd, 0)
			}
			for r.Open() > 0 { // what was not sure of its turn
				r.AfterFetch(t.Context(), true, time.Second)
			}
		})
	}
	all.Wait()
	if n := metricstest.Values(t, reg)["serveflow_rekey_lost_partitions_total"]; n != 0 {
		t.Errorf("%v partitions were given up", n)
	}
	return out
}

// deal gives the lines to six partitions, to each in the order given.
func deal(seed int64, lines [][]byte) [][][]byte {
	rng, partitions := rand.New(rand.NewSource(seed)), make([][][]byte, 6)
	for _, value := range lines {
		to := rng.Intn(6)
		partitions[to] = append(partitions[to], value)
	}
	return partitions
}

// steady is a packet record every 20 ms or so, of flows of two packets; captures of
// so many records are an hour apart, one behind the other or the other way round.
func steady(records, capture int, direction float64) (lines [][]byte) {
	for i := range records {
		at := float64(i)*.02 + direction*hour*float64(i/capture)
		lines = append(lines, line(fmt.Sprint("C", i/2), 1+i%2, at))
	}
	return lines
}

// disorder is how far, in microseconds, packet records lie behind one before them.
func disorder(records []zeek.Record) (worst int64) {
	latest := int64(0)
	for _, rec := range records {
		worst = max(worst, latest-rec.TS)
		latest = max(latest, rec.TS)
	}
	return worst
}

func TestPartitionsAreMergedInRecordTime(t *testing.T) {
	for seed := range int64(10) {
		for _, capture := range []int{1 << 20, 1000, 50, 1} { // an hour lies between captures of so many records
			lines := steady(3000, capture, 1)
			out := merged(t, seed, deal(seed, lines))
			if got := disorder(out.records); got > testSlack || len(out.records) != len(lines) {
				t.Errorf("seed %d, captures of %d: %d records, disorder of %d us", seed, capture, len(out.records), got)
			}
		}
	}
}

// Captures that lie in the topic against the order of their time: each is over
// before the one behind it begins.
func TestCapturesAgainstTheOrderOfTime(t *testing.T) {
	for seed := range int64(10) {
		out := merged(t, seed, deal(seed, steady(6000, 2000, -1)))
		for c := range 3 {
			if part := out.records[c*2000 : (c+1)*2000]; disorder(part) > testSlack {
				t.Errorf("seed %d, capture %d: disorder of %d us", seed, c, disorder(part))
			}
		}
	}
}

// A record with a wild time neither stalls its partition nor leaves its place.
func TestWildRecordIsMergedWhereItLies(t *testing.T) {
	for name, wild := range map[string]float64{"2076": 52 * year, "1971": -52 * year, "minutes ahead": 300, "minutes back": -300} {
		for _, at := range []int{0, 1500, 2999} {
			partitions := deal(1, steady(18000, 1<<20, 1))
			partitions[2] = slices.Insert(partitions[2][:2999:2999], at, line("wild", 1, wild))
			out := merged(t, 1, partitions)
			var rest []zeek.Record
			place, before := 0, int64(0)
			for i, rec := range out.records {
				if string(rec.UID) == "wild" {
					place = i
					continue
				}
				if place == 0 {
					before = max(before, rec.TS)
				}
				rest = append(rest, rec)
			}
			if got := disorder(rest); got > testSlack {
				t.Errorf("%s at %d: disorder of %d us among the others", name, at, got)
			}
			if want := len(out.records) * at / 3000; at == 1500 && (place < want-1000 || place > want+1000) {
				t.Errorf("%s at %d: came out at place %d", name, at, place)
			}
		}
	}
}

// An end record must not overtake the packets that it ends, however near they are.
func TestEndRecordsStayBehindTheirPackets(t *testing.T) {
	for seed := range int64(10) {
		var lines [][]byte
		for i := range 2000 {
			uid, at := fmt.Sprint("C", i), float64(i)*.01
			lines = append(lines, line(uid, 1, at), endLine(uid, at))
		}
		out, seen := merged(t, seed, deal(seed, lines)), map[string]bool{}
		for _, rec := range out.records {
			if rec.Kind == zeek.End && !seen[string(rec.UID)] {
				t.Fatalf("seed %d: the end of %s comes before its packet", seed, rec.UID)
			}
			seen[string(rec.UID)] = true
		}
	}
}

// Records of a partition keep their order, whatever their kind and time.
func TestOrderWithinAPartitionIsKept(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	var partitions [][][]byte
	for p := range 4 {
		var lines [][]byte
		for i := range 2000 {
			uid := fmt.Sprintf("p%d-%05d", p, i)
			switch at := rng.Float64() * 100; rng.Intn(4) {
			case 0:
				lines = append(lines, endLine(uid, at))
			case 1:
				lines = append(lines, line(uid, 1, at*year/2))
			default:
				lines = append(lines, line(uid, 1, float64(i)*.1+at/100))
			}
		}
		partitions = append(partitions, lines)
	}
	next := make([][][]byte, 4)
	copy(next, partitions)
	for i, value := range merged(t, 1, partitions).values {
		p := int(bytes.SplitN(value, []byte(`"uid":"p`), 2)[1][0] - '0')
		if !bytes.Equal(next[p][0], value) {
			t.Fatalf("record %d out of order: %s", i, value)
		}
		next[p] = next[p][1:]
	}
}

// The end of a generation does not wait for the partitions that lag.
func TestWaitingEndsWithTheGeneration(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &keyed{}
	r := New(testConfig, []int{0, 1}, out, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))[0]
	r.Take(ctx, line("a", 1, 0), 0, pins{})
	rested := make(chan struct{})
	go func() { r.AfterFetch(ctx, true, 0); close(rested) }()
	cancel()
	<-rested
	if r.Open() != 1 || len(out.records) != 0 {
		t.Errorf("%d records held, %d handed on before the other partition was heard of", r.Open(), len(out.records))
	}
}
