package memory

import (
	"strings"
	"testing"
)

func TestBytesAreReadAndShown(t *testing.T) {
	for text, want := range map[string]Bytes{"0": 0, "4096": 4096, "512MiB": 512 * MiB, "1.5 GiB": 3 * GiB / 2, "64KiB": 64 * KiB} {
		var got Bytes
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "lots", "-1", "1GB", "NaN", "1e30GiB", "GiB"} {
		if err := new(Bytes).UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "KiB, MiB or GiB") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for b, want := range map[Bytes]string{512 * MiB: "512MiB", 3 * GiB / 2: "1.5GiB", 100: "100", GiB + 1: "1GiB"} {
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
	d.Max += 100 * MiB // what is shown is rounded
	if _, err := Divide(d); err != nil {
		t.Errorf("as told: %v", err)
	}
}
