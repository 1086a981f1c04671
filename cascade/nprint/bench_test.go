package nprint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow"
)

// benchFlows are many flows of ten packets with different headers, so that the
// processor cannot learn one flow by heart.
func benchFlows(b *testing.B) []*flow.Flow {
	kinds := [][]string{
		{"syn", "syn-ack", "data", "data", "sack", "data", "sack", "data", "data", "data"},
		{"udp", "udp", "udp-options", "udp", "udp", "udp", "udp", "udp", "udp", "udp"},
		{"v6-syn", "v6-extensions", "v6-extensions", "v6-extensions", "v6-extensions", "v6-extensions", "v6-extensions",
			"v6-extensions", "v6-extensions", "v6-extensions"},
	}
	flows := make([]*flow.Flow, 512)
	for i := range flows {
		flows[i] = newFlow()
		for at, sample := range kinds[i*7%11%len(kinds)] {
			flows[i].Put(at+1, bare(int64(at*at*i), at*i%3 != 1), raw(b, samples[sample]))
		}
	}
	return flows
}

func BenchmarkExtract(b *testing.B) {
	var used []string // as a bundle's trees may use bits: every fourth
	for i, name := range bitNames(1) {
		if i%4 == 0 && !strings.Contains(name, "_opt_") {
			used = append(used, name)
		}
	}
	for _, bench := range []struct {
		name  string
		names []string
		depth int
	}{
		{"fields/packets=1", Names(1), 1},
		{"fields/packets=3", Names(3), 3},
		{"fields/packets=10", Names(10), 10},
		{"bits/packets=1", BitNames(1), 1},
		{"bits/packets=10", BitNames(10), 10},
		{fmt.Sprintf("bits/packets=1/used=%d", len(used)), used, 1},
		{"ports", []string{"proto", "resp_port"}, 1},
	} {
		b.Run(bench.name, func(b *testing.B) {
			flows := benchFlows(b)
			e, dst := mustNew(b, bench.names), make([]float32, len(bench.names))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				e.Extract(dst, flows[i%len(flows)], bench.depth)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	names := append(Names(10), BitNames(1)...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(names); err != nil {
			b.Fatal(err)
		}
	}
}
