package consumer

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/offset"
	"github.com/serveflow/serveflow/consumer/partition"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/brokers"
)

// The limits of a process are divided among its partitions.
func TestShares(t *testing.T) {
	cfg := config("")
	cfg.Flow.Limits.Flows, cfg.Flow.Limits.Bytes, cfg.Flow.Limits.Finished = 90, 90<<10, 900
	cfg.PinRecords, cfg.PinBytes = 1000, 90_000
	one, three := cfg.flowShare(1).Limits, cfg.flowShare(3).Limits
	if one.Flows != 90 || three.Flows != 30 || one.Bytes != 90<<10 || three.Bytes != 30<<10 || one.Finished != 900 || three.Finished != 300 {
		t.Errorf("one partition gets %+v, each of three %+v", one, three)
	}
	if cfg.pinShare(1) != 10_000 || cfg.pinShare(3) != 3333 || cfg.pinShare(1000) != offset.LeastLimit {
		t.Errorf("offsets in flight: %d, %d, %d", cfg.pinShare(1), cfg.pinShare(3), cfg.pinShare(1000))
	}
	if one.Records != 1000 || three.Records != 1000 || cfg.flowShare(10).Limits.Records != 500 {
		t.Errorf("records that may come while a flow is open: %d, %d, %d", one.Records, three.Records, cfg.flowShare(10).Limits.Records)
	}
	if many := cfg.flowShare(1000).Limits; many.Flows != 1 || many.Bytes != 1<<10 || many.Finished != 1 {
		t.Errorf("each of a thousand gets %+v", many)
	}
	if cfg.PinBytes = 0; cfg.pinShare(3) != 0 || cfg.flowShare(10).Limits.Records != 1000 {
		t.Error("there is a limit where none is set")
	}
}

// Flows that stay open fill no more than half of the room: the oldest is decided before
// the partition would have to stop for it.
func TestOpenFlowsNeverHoldTheInputBack(t *testing.T) {
	for _, bytes := range []int{1, 10_000, 100_000} {
		cfg := config("")
		cfg.PinBytes, cfg.Flow.Limits.Flows, cfg.Flow.Limits.Bytes = bytes, 1<<20, 1<<30
		h := &harness{}
		a := assembler.New(cfg.flowShare(1), zeek.Limits{}, 0, h, assembler.NewMetrics(prometheus.NewRegistry()))
		limit := cfg.pinShare(1)
		in := offset.NewInFlight(limit)
		for i := range int64(3 * (limit + offset.LeastLimit)) {
			if err := a.Take(t.Context(), line(fmt.Sprint("f", i), 1, 0), i, in); err != nil {
				t.Fatal(err)
			}
			in.Advance(i + 1)
			if in.Low(); in.Full() {
				t.Fatalf("%d bytes for offsets in flight: full after %d flows, the oldest is still open", bytes, i)
			}
		}
		if len(h.labels) == 0 {
			t.Errorf("%d bytes for offsets in flight: nothing was decided", bytes)
		}
	}
}

// Each setting that makes no sense is named.
func TestValidate(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Config)
		want   string // part of the error; empty: there is none
	}{
		{"as it is", func(*Config) {}, ""},
		{"no broker", func(c *Config) { c.Cluster = brokers.Plain("test") }, "SERVEFLOW_BROKERS"},
		{"no topic", func(c *Config) { c.Topic = "" }, "SERVEFLOW_TOPIC"},
		{"no group", func(c *Config) { c.Group = "" }, "SERVEFLOW_GROUP"},
		{"no commit interval", func(c *Config) { c.CommitEvery = 0 }, "the commit interval"},
		{"the shortest", func(c *Config) { c.CommitEvery, c.DrainTimeout, c.MaxWait = 1, 1, 1 }, ""},
		{"no drain timeout", func(c *Config) { c.DrainTimeout = 0 }, "the drain timeout"},
		{"no fetch wait", func(c *Config) { c.MaxWait = 0 }, "the fetch wait"},
		{"a session of four heartbeats", func(c *Config) { c.SessionTimeout = 2 * time.Second }, ""},
		{"a shorter one", func(c *Config) { c.SessionTimeout = 2*time.Second - 1 }, "the session timeout is 1.999999999s: choose at least 2s"},
		{"half a session to drain", func(c *Config) { c.DrainTimeout = 15 * time.Second }, ""},
		{"more than that", func(c *Config) { c.DrainTimeout = 15*time.Second + 1 }, "choose at most 15s"},
		{"any number of records", func(c *Config) { c.PinRecords, c.PinBytes, c.ReadBack = 0, 0, 0 }, ""},
		{"negative records", func(c *Config) { c.PinRecords = -1 }, "must not be negative"},
		{"negative bytes", func(c *Config) { c.PinBytes = -1 }, "must not be negative"},
		{"negative records read back", func(c *Config) { c.ReadBack = -1 }, "read back must not be negative"},
		{"a limit of a record", func(c *Config) { c.Limits.Record = -1 }, "-1"},
		{"a rule of flows", func(c *Config) { c.Flow.Rules.Depth = 0 }, "depth"},
	} {
		cfg := config("127.0.0.1:9092")
		test.change(&cfg)
		if err := cfg.Validate(); (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// A record that is too long is read as far as its dead letter keeps of it; its decoder
// says why.
func TestPartitionConfig(t *testing.T) {
	cfg := config("127.0.0.1:9092")
	got := *cfg.partition()
	want := partition.Config{Cluster: cfg.Cluster, Topic: "in", Group: "g", Limits: fetch.Limits{Value: 1<<20 - 16<<10, Excerpt: 1<<20 - 16<<10},
		MaxWait: cfg.MaxWait, FetchBytes: cfg.FetchBytes, WarmUpRecords: 1000, WarmUpAge: time.Minute, CommitEvery: cfg.CommitEvery, DrainTimeout: cfg.DrainTimeout}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	cfg.SkipTruncated, cfg.Limits.Record = true, 1<<20
	want.SkipTruncated, want.Limits.Value = true, 1<<20
	if got := *cfg.partition(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Rekeying has no finished flows to learn, and little of a partition waits in memory.
func TestRekeyConfig(t *testing.T) {
	for fetchBytes, want := range map[int]int{1000: 1000, 1 << 20: 256 << 10} {
		cfg := config("127.0.0.1:9092")
		cfg.FetchBytes = fetchBytes
		c := NewRekey(cfg, nil, nil, NewRekeyMetrics(prometheus.NewRegistry()), quiet())
		if c.cfg.ReadBack != 0 || c.cfg.FetchBytes != want {
			t.Errorf("reads back %d records, fetches %d bytes, want none and %d", c.cfg.ReadBack, c.cfg.FetchBytes, want)
		}
	}
}
