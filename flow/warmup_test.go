package flow

import (
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Where several loggers write, a record that opens no flow may come before the packets
// of its flow. When it is read back, it must not mark the flow as finished.
func TestWarmUpByRecordsThatOpenNothing(t *testing.T) {
	for name, rec := range map[string]zeek.Record{
		"end record":       {Kind: zeek.End, TS: 1e6, UID: []byte("a"), Sent: 3},
		"beyond the depth": {Kind: zeek.Packet, TS: 1e6, UID: []byte("a"), N: 64},
		"another log's":    {Kind: zeek.Other, UID: []byte("a")},
	} {
		table := New(testConfig())
		table.WarmUp(&rec)
		first := zeek.Record{Kind: zeek.Packet, TS: 1e6, UID: []byte("a"), N: 1}
		if _, outcome := table.Add(&first); outcome != Opened {
			t.Errorf("%s: the flow's first packet is %s", name, Outcomes[outcome])
		}
	}
}

// A record at the depth opens its flow, so it must be remembered.
func TestWarmUpTakesPacketsUpToTheDepth(t *testing.T) {
	table := New(testConfig())
	table.WarmUp(pkt("a", 4, 0, ack))
	if _, outcome := table.Add(pkt("a", 1, 0, syn)); outcome != Late {
		t.Errorf("the flow's first packet is %s", Outcomes[outcome])
	}
}

// The records that are read back must move the clock, or their uids would be remembered
// for too long. Each must also renew its uid.
func TestWarmUpMovesTheClock(t *testing.T) {
	for name, record := range map[string]func(uid string, at float64) *zeek.Record{
		"packets":  func(uid string, at float64) *zeek.Record { return pkt(uid, 1, at, syn) },
		"conn.log": func(uid string, at float64) *zeek.Record { return conn(uid, at-3000, 3000) },
	} {
		cfg := testConfig()
		cfg.Conns = name == "conn.log"
		table := New(cfg)
		table.WarmUp(record("old", 0))
		table.WarmUp(record("renewed", 0))
		for i := range 9 {
			table.WarmUp(record(string(rune('a'+i)), float64(i+1)*10))
			if i == 4 {
				table.WarmUp(record("renewed", 50))
			}
		}
		if _, outcome := table.Add(record("old", 90)); outcome != Opened {
			t.Errorf("%s: a flow 90 s back is %s, remembered are 60 s", name, Outcomes[outcome])
		}
		if _, outcome := table.Add(record("renewed", 90)); outcome != Late {
			t.Errorf("%s: a flow 40 s back is %s, remembered are 60 s", name, Outcomes[outcome])
		}
	}
}
