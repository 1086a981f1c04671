package memory

import (
	"math/rand/v2"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

func TestBytesAreReadAndShown(t *testing.T) {
	for text, want := range map[string]Bytes{"0": 0, "4096": 4096, "512MiB": 512 * MiB, "1.5 GiB": 3 * GiB / 2, "64KiB": 64 * KiB, "4294967296GiB": 1 << 62} {
		var got Bytes
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "lots", "-1", "1GB", "NaN", "1e30GiB", "4294967297GiB", "GiB"} {
		if err := new(Bytes).UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "KiB, MiB or GiB") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for b, want := range map[Bytes]string{512 * MiB: "512MiB", 3 * GiB / 2: "1.5GiB", 0: "0", 100: "100", 1023: "1023", KiB: "1KiB", MiB - 1: "1023.9KiB", GiB + 1: "1GiB", GiB - 1: "1023.9MiB", 10*GiB + GiB/10: "10GiB"} {
		if b.String() != want {
			t.Errorf("%d is shown as %s, want %s", b, b, want)
		}
	}
}

// demand is what the settings' defaults say.
func demand() Demand { return Demand{Max: GiB, UIDBytes: 43, SinkQueue: 8192, SlowQueue: 4096} }

// What is not set is divided so that all parts together fit.
func TestMemoryIsDivided(t *testing.T) {
	for _, max := range []Bytes{640 * MiB, GiB, 8 * GiB} {
		for _, rekey := range []bool{false, true} {
			d := demand()
			d.Max, d.Rekey = max, rekey
			b, err := Divide(d)
			if err != nil {
				t.Fatal(err)
			}
			consumers := Bytes(1)
			if rekey {
				consumers = 2
			}
			queues := consumers*Bytes(d.SinkQueue)*labelBytes + Bytes(d.SlowQueue)*jobBytes
			held := b.Flows + Bytes(b.Finished)*Bytes(d.UIDBytes) + consumers*(b.InFlight+reading) + models + deadLetters + queues
			if most := (max - outsideGo) / 3 * 2; held > most || held < most-MiB || b.Flows < leastRoom/2 {
				t.Errorf("of %v, rekeying %t, the parts hold %v of %v, open flows %v", max, rekey, held, most, b.Flows)
			}
		}
	}
}

func TestWhatIsSetStands(t *testing.T) {
	d := demand()
	d.Flows, d.Finished = 10*MiB, 1000
	if b, err := Divide(d); err != nil || b.Flows != 10*MiB || b.Finished != 1000 {
		t.Errorf("%+v, %v", b, err)
	}
}

// What the parts get, in bytes and uids: a change here changes how many flows a process
// holds with the settings that it has.
func TestShares(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Demand)
		want   Budget
	}{
		"defaults":         {func(*Demand) {}, Budget{202025642, 2349135, 101012821}},
		"rekeying":         {func(d *Demand) { d.Rekey = true }, Budget{162179754, 1885811, 40544938}},
		"long queues":      {func(d *Demand) { d.SinkQueue, d.SlowQueue = 100_000, 100_000 }, Budget{33311402, 387341, 16655701}},
		"larger uids":      {func(d *Demand) { d.UIDBytes = 86 }, Budget{202025642, 1174567, 101012821}},
		"flows are set":    {func(d *Demand) { d.Flows = 10 * MiB }, Budget{10 * MiB, 2349135, 101012821}},
		"finished are set": {func(d *Demand) { d.Finished = 1000 }, Budget{202025642, 1000, 101012821}},
		"as many as fit":   {func(d *Demand) { d.Flows, d.Finished = 302995463, 1000 }, Budget{302995463, 1000, 101012821}},
		"the least":        {func(d *Demand) { d.Max = 492830720 }, Budget{8 * MiB, 97541, 4 * MiB}},
	} {
		d := demand()
		test.change(&d)
		if got, err := Divide(d); err != nil || got != test.want {
			t.Errorf("%s: %d, want %d; %v", name, got, test.want, err)
		}
	}
}

// An error names what is needed.
func TestDemandsThatDoNotFit(t *testing.T) {
	const fixed = " and all that is fixed need "
	for name, test := range map[string]struct {
		change func(*Demand)
		want   string
	}{
		"too little": {func(d *Demand) { d.Max = 492830719 }, // a byte less than the least
			"SERVEFLOW_MAX_MEMORY=469.9MiB is too little: SERVEFLOW_SINK_QUEUE=8192, SERVEFLOW_SLOW_QUEUE=4096" + fixed + "446MiB; choose at least 470MiB, or shorter queues"},
		"rekeying": {func(d *Demand) { d.Max, d.Rekey = 256*MiB, true },
			"SERVEFLOW_MAX_MEMORY=256MiB is too little: SERVEFLOW_SINK_QUEUE=8192, SERVEFLOW_SLOW_QUEUE=4096" + fixed + "560MiB; choose at least 584MiB, or shorter queues"},
		"one flow more than fits": {func(d *Demand) { d.Flows, d.Finished = 302995464, 1000 },
			"SERVEFLOW_MAX_FLOW_BYTES=288.9MiB and SERVEFLOW_MAX_FINISHED=1000 need 289MiB, SERVEFLOW_MAX_MEMORY=1GiB leaves 288.9MiB for them: lower one of the first two, or set the third to at least 1025MiB"},
		"much more": {func(d *Demand) { d.Flows, d.Finished = 2*GiB, 1e6 },
			"SERVEFLOW_MAX_FLOW_BYTES=2GiB and SERVEFLOW_MAX_FINISHED=1000000 need 2GiB, SERVEFLOW_MAX_MEMORY=1GiB leaves 288.9MiB for them: lower one of the first two, or set the third to at least 4625MiB"},
	} {
		d := demand()
		test.change(&d)
		if got, err := Divide(d); err == nil || err.Error() != test.want || got != (Budget{}) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

// Go's limit is below the process's, unless the environment has one.
func TestLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	t.Setenv("GOMEMLIMIT", "1GiB")
	if Limit(2 * GiB); debug.SetMemoryLimit(-1) != before {
		t.Error("GOMEMLIMIT does not stand")
	}
	t.Setenv("GOMEMLIMIT", "")
	if Limit(2 * GiB); debug.SetMemoryLimit(-1) != int64(2*GiB-128*MiB) {
		t.Errorf("a limit of %d", debug.SetMemoryLimit(-1))
	}
	if Model != 192*MiB {
		t.Errorf("a bundle may take %v", Model)
	}
}

func TestTooLittle(t *testing.T) {
	d := demand()
	d.Max = 256 * MiB
	_, err := Divide(d)
	for _, want := range []string{"SERVEFLOW_MAX_MEMORY=256MiB", "SERVEFLOW_SINK_QUEUE=8192", "SERVEFLOW_SLOW_QUEUE=4096", "choose at least"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	_, least, _ := strings.Cut(err.Error(), "choose at least ")
	least, _, _ = strings.Cut(least, ",")
	if d.Max.UnmarshalText([]byte(least)) != nil {
		t.Fatal(err)
	}
	if _, err := Divide(d); err != nil {
		t.Errorf("with as much as it asked for: %v", err)
	}
}

// With as much as an error asks for the parts fit, and with a MiB less they do not.
func TestRemediesAreExact(t *testing.T) {
	told := regexp.MustCompile(`at least (\d+)MiB`)
	chance, contradictions := rand.New(rand.NewPCG(1, 2)), 0
	for range 20_000 {
		d := Demand{Max: Bytes(chance.Int64N(int64(4 * GiB))), UIDBytes: 43, SinkQueue: chance.IntN(100_000), SlowQueue: chance.IntN(100_000), Rekey: chance.IntN(2) == 0}
		if chance.IntN(3) > 0 {
			d.Flows = Bytes(chance.Int64N(int64(4 * GiB)))
		}
		if chance.IntN(3) > 0 {
			d.Finished = chance.IntN(100_000_000)
		}
		_, err := Divide(d)
		for err != nil { // the fixed parts first, then those that are set
			least, _ := strconv.Atoi(told.FindStringSubmatch(err.Error())[1])
			asked, tooLittle := d, strings.Contains(err.Error(), "too little")
			if asked.Max = Bytes(least)*MiB - MiB; asked.Max > d.Max {
				if _, err := Divide(asked); err == nil || strings.Contains(err.Error(), "too little") != tooLittle {
					t.Fatalf("%+v: a MiB less than was told: %v", d, err)
				}
			}
			d.Max = Bytes(least) * MiB
			if _, err = Divide(d); err != nil && (!tooLittle || strings.Contains(err.Error(), "too little")) {
				t.Fatalf("%+v: as told: %v", d, err)
			}
			contradictions++
		}
	}
	if contradictions < 10_000 {
		t.Errorf("%d contradictions only", contradictions)
	}
}

// The remedy that an error names is one.
func TestContradiction(t *testing.T) {
	d := demand()
	d.Flows, d.Finished = 2*GiB, 1e6
	_, err := Divide(d)
	if err == nil {
		t.Fatal("2 GiB of flows fit into 1 GiB")
	}
	_, least, found := strings.Cut(err.Error(), "third to at least ")
	if !found || d.Max.UnmarshalText([]byte(least)) != nil {
		t.Fatalf("%v", err)
	}
	if _, err := Divide(d); err != nil {
		t.Errorf("as told: %v", err)
	}
}
