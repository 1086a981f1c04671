package nprint

import (
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// conversation has a hole at place 3, a packet dated before its predecessor at
// place 5, and one without any bytes or lengths at place 6.
func conversation(t testing.TB) *flow.Flow {
	f := newFlow()
	f.Put(1, bare(1_000_000, true), raw(t, samples["syn"]))
	f.Put(2, bare(1_000_255, false), raw(t, samples["syn-ack"]))
	f.Put(4, bare(1_001_279, true), raw(t, samples["data"]))
	f.Put(5, bare(1_001_000, false), raw(t, samples["sack"]))
	f.Put(6, bare(1_001_001, false), nil)
	f.Put(7, bare(3_097_152, true), raw(t, samples["icmp-echo"]))
	return f
}

func TestFlowFields(t *testing.T) {
	tests := []struct {
		depth int
		want  []float32 // the order of the schema
	}{
		{-1, []float32{6, 4, 49153, 80, 0, 0, 0, 0, 0, -1, -1, -1}},
		{0, []float32{6, 4, 49153, 80, 0, 0, 0, 0, 0, -1, -1, -1}},
		{1, []float32{6, 4, 49153, 80, 1, 1, 0, 0, 0, 0, -1, 0}},
		{2, []float32{6, 4, 49153, 80, 2, 1, 1, 0, 0, 0, 0, 64}},
		{3, []float32{6, 4, 49153, 80, 2, 1, 1, 0, 0, 0, 0, 64}},
		{4, []float32{6, 4, 49153, 80, 3, 2, 1, 524, 0, 524, 0, 82}},
		{6, []float32{6, 4, 49153, 80, 5, 2, 3, 524, 0, 524, 0, 79}},
		{7, []float32{6, 4, 49153, 80, 6, 3, 3, 580, 0, 524, 0, 168}},
		{1000, []float32{6, 4, 49153, 80, 6, 3, 3, 580, 0, 524, 0, 168}},
	}
	e := mustNew(t, Names(0))
	for _, tt := range tests {
		got := make([]float32, flowFields)
		e.Extract(got, conversation(t), tt.depth)
		if !slices.Equal(got, tt.want) {
			t.Errorf("depth %d: got %v, want %v", tt.depth, got, tt.want)
		}
	}
}

func TestGapsAndDirections(t *testing.T) {
	var names []string
	for place := 1; place <= 8; place++ {
		names = append(names, prefix(place)+"dir", prefix(place)+"log_gap")
	}
	e := mustNew(t, names)
	if e.Depth() != 8 {
		t.Errorf("Depth is %d, want 8", e.Depth())
	}
	got := make([]float32, len(names))
	e.Extract(got, conversation(t), 10)
	want := []float32{1, 0, 0, 64, -1, -1, 1, 80, 0, 0, 0, 8, 1, 167, -1, -1}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	e.Extract(got, conversation(t), 2) // only the first two are looked at
	want = []float32{1, 0, 0, 64, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}
	if !slices.Equal(got, want) {
		t.Errorf("depth 2: got %v, want %v", got, want)
	}
}

func TestFlowAddresses(t *testing.T) {
	v6 := netip.MustParseAddrPort("[fd00::1]:135")
	tests := []struct {
		flow flow.Flow
		want []float32
	}{
		{flow.Flow{}, []float32{-1, -1, -1, -1}},
		{flow.Flow{Proto: zeek.ICMPv6, Orig: v6, Resp: netip.MustParseAddrPort("[fd00::2]:0")}, []float32{58, 6, 135, 0}},
		{flow.Flow{Proto: zeek.UDP, Orig: netip.MustParseAddrPort("[::ffff:1.2.3.4]:65535")}, []float32{17, 4, 65535, -1}},
	}
	e := mustNew(t, []string{"proto", "ip_version", "orig_port", "resp_port"})
	for _, tt := range tests {
		got := make([]float32, 4)
		e.Extract(got, &tt.flow, 1)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: got %v, want %v", tt.flow.Orig, got, tt.want)
		}
	}
}

// TestLogTime holds the table of eighths to whole numbers of any size:
// floor(8 log2 x) is the position of the highest bit of x^8.
func TestLogTime(t *testing.T) {
	check := func(from, to int64) {
		t.Helper()
		x := new(big.Int).Sub(big.NewInt(to), big.NewInt(from))
		x.Add(x, big.NewInt(1))
		if x.Sign() <= 0 {
			x.SetInt64(1)
		}
		want := x.Exp(x, big.NewInt(8), nil).BitLen() - 1
		if got := logTime(from, to); int(got) != want {
			t.Errorf("logTime(%d, %d) is %d, want %d", from, to, got, want)
		}
	}
	for us := range int64(5000) {
		check(1_700_000_000_000_000, 1_700_000_000_000_000+us)
	}
	for _, e := range eighths { // both sides of every step, in every octave
		last := int64(e - 1 - 1<<63) // 1 + last - MinInt64 is e
		check(math.MinInt64, last)
		check(math.MinInt64, last-1)
		for shift := range 62 {
			x := int64(e >> (shift + 1))
			check(0, x-2)
			check(0, x-1)
			check(0, x)
		}
	}
	check(5, 4)
	check(math.MaxInt64, math.MinInt64)
	check(math.MinInt64, math.MaxInt64-1)
	if got := logTime(math.MinInt64, math.MaxInt64); got != 511 {
		t.Errorf("the longest time gives %d, want 511", got)
	}
}

// TestAnyChoice: a feature's value does not depend on what else is named, nor on
// the order.
func TestAnyChoice(t *testing.T) {
	all := append(Names(8), BitNames(3)...)
	f := conversation(t)
	want := newColumns(t, all).of(f, 7)
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		some := all[:1+random.IntN(40)]
		for name, got := range newColumns(t, some).of(f, 7) {
			if got != want[name] {
				t.Fatalf("%s is %v beside %v, %v beside all", name, got, some, want[name])
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	names := append(Names(7), BitNames(1)...)
	e, f := mustNew(t, names), conversation(t)
	want := make([]float32, len(names))
	e.Extract(want, f, 7)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got := make([]float32, len(names))
			for range 100 {
				if e.Extract(got, f, 7); !slices.Equal(got, want) {
					t.Error("another result beside others at work")
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestNoAllocation(t *testing.T) {
	names := append(Names(7), BitNames(7)...)
	e, f, dst := mustNew(t, names), conversation(t), make([]float32, len(names))
	if n := testing.AllocsPerRun(100, func() { e.Extract(dst, f, 7) }); n != 0 {
		t.Errorf("Extract allocates %v times", n)
	}
}

// TestOnlyItsColumns: what lies behind the columns in dst stays.
func TestOnlyItsColumns(t *testing.T) {
	dst := []float32{5, 5, 5}
	mustNew(t, []string{"p1_ip_ttl", "p2_ip_ttl"}).Extract(dst, conversation(t), 1)
	if !slices.Equal(dst, []float32{64, -1, 5}) {
		t.Errorf("got %v", dst)
	}
	mustNew(t, nil).Extract(nil, conversation(t), 1)
}

// A flow begins with its first packet, whichever side sent that.
func TestFlowThatTheResponderBegins(t *testing.T) {
	f := newFlow()
	for i, fromOrig := range []bool{false, false, true, false} {
		f.Put(i+1, bare(int64(i)*85, fromOrig), nil)
	}
	got := make([]float32, 1)
	for depth, want := range map[int]float32{1: 0, 2: 51, 3: 59, 4: 64} { // of 85, 170 and 255 microseconds
		if mustNew(t, []string{"log_duration"}).Extract(got, f, depth); got[0] != want {
			t.Errorf("depth %d: %v, want %v", depth, got[0], want)
		}
	}
}

// A feature has the same value alone as beside all others.
func TestFeaturesAlone(t *testing.T) {
	f := conversation(t)
	names := Names(7)
	all := newColumns(t, names).of(f, 7)
	got := make([]float32, 1)
	for _, name := range names {
		if mustNew(t, []string{name}).Extract(got, f, 7); got[0] != all[name] {
			t.Errorf("%s is %v alone, %v beside others", name, got[0], all[name])
		}
	}
}

// Only features of payload lengths need the headers of packets that are not named.
func TestOnlyPayloadNeedsEveryHeader(t *testing.T) {
	for _, name := range Names(0) {
		if got, want := mustNew(t, []string{name}).payload, strings.Contains(name, "payload"); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
