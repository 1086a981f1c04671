package cascade

import (
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/metricstest"
)

// decideOne gives the verdict on a flow of one packet of a protocol.
func decideOne(t *testing.T, protocols []uint8, proto uint8) Verdict {
	t.Helper()
	s := spec(t, []int{1, 2}, modelFunc(func(_ []float32, out []float64) error { out[0], out[1] = .9, .1; return nil }), modelFunc(fails))
	s.Protocols = protocols
	r := newRig(s, Config{Provisional: true})
	table := flow.New(flow.Config{Rules: flow.Rules{Depth: 2, Idle: time.Second, MaxAge: time.Minute},
		Limits: flow.Limits{Flows: 10, Bytes: 1 << 20, Finished: 10}, Want: 1})
	f, _ := table.Add(&zeek.Record{Kind: zeek.Packet, UID: []byte("u"), N: 1, TS: 1e15, Proto: proto,
		Orig: netip.MustParseAddrPort("10.0.0.1:8"), Resp: netip.MustParseAddrPort("10.0.0.2:0")})
	f.Acker = r
	if !r.decider.Decide(t.Context(), f) || len(r.got) != 1 {
		t.Fatalf("protocol %d: %d verdicts", proto, len(r.got))
	}
	want := map[string]float64{"serveflow_labels_total{true,confident,s0}": 1}
	if r.got[0].Reason == Unsupported {
		want = map[string]float64{"serveflow_labels_total{true,unsupported,}": 1}
	}
	got := metricstest.Values(t, r.registry)
	maps.DeleteFunc(got, func(name string, n float64) bool {
		return n == 0 || name[:min(len(name), 22)] != "serveflow_labels_total"
	})
	if !maps.Equal(got, want) {
		t.Errorf("protocol %d: counted %v, want %v", proto, got, want)
	}
	return r.got[0]
}

// A flow of a protocol that the models were not trained on is labelled at once, as unknown, and
// no model is asked.
func TestUnsupportedProtocols(t *testing.T) {
	for _, proto := range []uint8{zeek.ICMP, zeek.ICMPv6, 0} {
		v := decideOne(t, []uint8{zeek.TCP, zeek.UDP}, proto)
		if v.Label() != "unknown" || v.Top != [3]Guess{} || v.Stage != "" || v.Reason != Unsupported || !v.Final || v.Seq != 2 || v.Acker == nil {
			t.Errorf("protocol %d: %+v", proto, v)
		}
		if v.Uncertainty != 1 || v.Threshold != 0 || v.Packets != 1 || v.First != 1e15 || v.Last != 1e15 || v.Decided.IsZero() || v.Computed != 0 || v.Proto != proto {
			t.Errorf("protocol %d: %+v", proto, v)
		}
	}
	for _, proto := range []uint8{zeek.TCP, zeek.UDP} {
		if v := decideOne(t, []uint8{zeek.TCP, zeek.UDP}, proto); v.Label() != "a" || v.Reason != Confident || v.Stage != "s0" {
			t.Errorf("protocol %d: %+v", proto, v)
		}
	}
}

// Without the list, every protocol is answered for.
func TestAllProtocols(t *testing.T) {
	for _, proto := range []uint8{zeek.TCP, zeek.ICMP, 0} {
		if v := decideOne(t, nil, proto); v.Label() != "a" || v.Reason != Confident {
			t.Errorf("protocol %d: %+v", proto, v)
		}
	}
}

// Part of a cascade answers for the same protocols.
func TestPartOfACascadeHasItsProtocols(t *testing.T) {
	s := spec(t, []int{1, 2}, modelFunc(fails), modelFunc(fails))
	s.Protocols = []uint8{zeek.TCP}
	if part := s.Only("s0"); !part.supports(zeek.TCP) || part.supports(zeek.UDP) {
		t.Errorf("%+v", part)
	}
}
