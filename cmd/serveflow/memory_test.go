package main

import (
	"strings"
	"testing"
	"time"
)

func TestBytesAreReadAndShown(t *testing.T) {
	for text, want := range map[string]Bytes{"0": 0, "4096": 4096, "512MiB": 512 * mib, "1.5 GiB": 3 * gib / 2, "64KiB": 64 * kib} {
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
	for b, want := range map[Bytes]string{512 * mib: "512MiB", 3 * gib / 2: "1.5GiB", 100: "100", gib + 1: "1GiB"} {
		if b.String() != want {
			t.Errorf("%d is shown as %s, want %s", b, b, want)
		}
	}
}

// What is not set is divided so that all parts together fit.
func TestMemoryIsDivided(t *testing.T) {
	for _, cap := range []Bytes{512 * mib, gib, 8 * gib} {
		s := memorySettings()
		s.MaxMemory = cap
		b, err := s.budget()
		if err != nil {
			t.Fatal(err)
		}
		held := b.flows + Bytes(b.finished)*uidBytes + b.pins + models + reading + letters
		if held > (cap-outsideGo)*2/3 || b.flows < leastRoom/2 {
			t.Errorf("of %v the parts hold %v, open flows %v", cap, held, b.flows)
		}
	}
}

func memorySettings() *Settings {
	return &Settings{MaxMemory: gib, SinkQueue: 8192, SlowQueue: 4096, MaxPinRecords: 1e6, FlowIdle: time.Second}
}

func TestContradictionsOfMemoryAreNamed(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want []string
	}{
		{map[string]string{"SERVEFLOW_MAX_MEMORY": "256MiB"}, []string{"SERVEFLOW_MAX_MEMORY=256MiB", "SERVEFLOW_SINK_QUEUE=8192", "SERVEFLOW_SLOW_QUEUE=4096", "choose at least"}},
		{map[string]string{"SERVEFLOW_SINK_QUEUE": "1000000"}, []string{"SERVEFLOW_SINK_QUEUE=1000000", "shorter queues"}},
		{map[string]string{"SERVEFLOW_MAX_FLOW_BYTES": "2GiB"}, []string{"SERVEFLOW_MAX_FLOW_BYTES=2GiB", "SERVEFLOW_MAX_FINISHED=", "SERVEFLOW_MAX_MEMORY=1GiB"}},
		{map[string]string{"SERVEFLOW_MAX_FINISHED": "100000000"}, []string{"SERVEFLOW_MAX_FINISHED=100000000", "at least"}},
		{map[string]string{"SERVEFLOW_MAX_MEMORY": "much"}, []string{"SERVEFLOW_MAX_MEMORY"}},
		{map[string]string{"SERVEFLOW_MAX_PIN_RECORDS": "0"}, []string{"SERVEFLOW_MAX_PIN_RECORDS"}},
	} {
		c.env["SERVEFLOW_BUNDLE"] = toy
		code, _, stderr := runCommand(t, c.env, "", "run", "--check")
		for _, want := range c.want {
			if code != exitUsage || !strings.Contains(stderr, want) {
				t.Errorf("%v: exit code %d, %q does not say %s", c.env, code, stderr, want)
			}
		}
	}
	// The remedy that an error names is one.
	s := memorySettings()
	s.MaxMemory, s.MaxFlowBytes = 100*gib, 2*gib
	b, err := s.budget()
	if err != nil {
		t.Fatal(err)
	}
	s.MaxFinished, s.MaxMemory = 1e6, gib
	_, err = s.budget()
	_, least, found := strings.Cut(err.Error(), "third to at least ")
	if !found || s.MaxMemory.UnmarshalText([]byte(least)) != nil {
		t.Fatalf("%v", err)
	}
	if s.MaxMemory += 100 * mib; b.flows != 2*gib { // what is shown is rounded
		t.Errorf("open flows may take %v, 2GiB is set", b.flows)
	}
	if _, err := s.budget(); err != nil {
		t.Errorf("as told: %v", err)
	}
}
