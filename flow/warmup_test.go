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
