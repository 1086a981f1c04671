package nprint

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		names []string
		want  string // in the error
	}{
		{[]string{"proto", "p1_tcp_windw"}, `unknown feature "p1_tcp_windw"`},
		{[]string{"p12_tcp_windw"}, `nearest is "p12_tcp_window"`},
		{[]string{"p2_ipv4_opt_320"}, `nearest is "p2_ipv4_opt_20"`},
		{[]string{"p2_udp_len_16"}, `nearest is "p2_udp_len_1"`},
		{[]string{"tcp_flags"}, `nearest is "p1_tcp_flags"`},
		{[]string{"p1_proto"}, `unknown feature "p1_proto"`},
		{[]string{"orig_prt"}, `nearest is "orig_port"`},
		{[]string{"p0_dir"}, `packets are p1_ to p64_`},
		{[]string{"p65_dir"}, `unknown feature "p65_dir"`},
		{[]string{"p01_dir"}, `nearest is "p1_dir"`},
		{[]string{"p+1_dir"}, `nearest is "p1_dir"`},
		{[]string{"p9999999999999999999999_dir"}, `unknown feature`},
		{[]string{"P1_dir"}, `nearest is "p1_dir"`},
		{[]string{"p1_dir "}, `nearest is "p1_dir"`},
		{[]string{""}, `unknown feature ""`},
		{[]string{"p1_p1_dir"}, `nearest is "p1_dir"`},
		{[]string{"p1_dir", "proto", "p1_dir"}, `"p1_dir" is listed twice, as number 1 and 3`},
		{[]string{strings.Repeat("x", 1<<20)}, `unknown feature "xxx`},
	}
	for _, tt := range tests {
		_, err := New(tt.names)
		if err == nil {
			t.Errorf("New(%.80q) takes it", tt.names)
		} else if text := err.Error(); !strings.Contains(text, tt.want) || !strings.HasPrefix(text, "nprint: ") || len(text) > 300 {
			t.Errorf("New(%.80q) says %q, want %q in it", tt.names, text, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	for depth, want := range map[int]int{-1: 12, 0: 12, 1: 34, 10: 232, 64: 1420} {
		if got := len(Names(depth)); got != want {
			t.Errorf("Names(%d) has %d, want %d", depth, got, want)
		}
		if got := len(BitNames(depth)); got != 1024*max(depth, 0) {
			t.Errorf("BitNames(%d) has %d", depth, got)
		}
	}
	e := mustNew(t, append(Names(MaxDepth), BitNames(MaxDepth)...)) // no name is there twice
	if e.Depth() != MaxDepth {
		t.Errorf("Depth is %d, want %d", e.Depth(), MaxDepth)
	}
	if d := mustNew(t, Names(0)).Depth(); d != 0 {
		t.Errorf("Depth of flow-level features is %d, want 0", d)
	}
}

// TestFeaturesDocument holds FEATURES.md to the schema, and so the schema to
// what it was: a name that goes or changes its meaning needs another schema.
func TestFeaturesDocument(t *testing.T) {
	var doc strings.Builder
	fmt.Fprintf(&doc, `# Features of schema %s

All values are whole numbers, exact in a float32; %d is absent: the packet is not there, the field is
not in it, or its header is missing or cut there. The record's own numbers (`+"`ip_len`, `plen`, `ttl`, `flags`, `win`"+`)
answer where the header bytes cannot, lengths up to %d.

`+"`p<i>_`"+` is a packet by its place in the flow, both directions together: `+"`p1_` to `p%d_`"+`. Only the packets that a
stage looks at count, in the flow-level features too. A name that ends in `+"`_0..15`"+` stands for 16 features, each one bit
of the header field, as nPrint has them: `+"`_0`"+` is the most significant. Bits behind the header's end are absent,
and all bits of a protocol that is not the packet's.

`+"`conn_`"+` features come from a record of conn.log. They are for bundles whose input is conn, which have these and
`+"`proto`, `ip_version`, `orig_port` and `resp_port`"+`, and no others. Absent is what the record leaves out, but a
service or a history that is left out names nothing.

| feature | meaning |
| --- | --- |
`, Schema, Absent, longest, MaxDepth)
	for name, meaning := range Describe() {
		fmt.Fprintf(&doc, "| `%s` | %s |\n", name, meaning)
	}
	golden(t, "FEATURES.md", doc.String())
}

// A loop over Describe may stop at any feature: it has seen the features before that one,
// in order, and none after it.
func TestDescribeStops(t *testing.T) {
	var all []string
	for name := range Describe() {
		all = append(all, name)
	}
	if len(all) != flowFields+connFields+packetFields+len(bitSchema) {
		t.Fatalf("%d features are described", len(all))
	}
	for stop := range all {
		var seen []string
		for name := range Describe() {
			if seen = append(seen, name); len(seen) > stop {
				break
			}
		}
		if !slices.Equal(seen, all[:stop+1]) {
			t.Errorf("a loop that stops at feature %d has seen %v", stop, seen)
		}
	}
}

// TestGoldenFlows has a line a feature and a column a flow.
func TestGoldenFlows(t *testing.T) {
	names := Names(2)
	for _, name := range BitNames(1) {
		if !strings.Contains(name, "_opt_") {
			names = append(names, name)
		}
	}
	columns := newColumns(t, names)
	rows := make([]strings.Builder, len(names)+1)
	rows[0].WriteString("feature")
	for i, name := range names {
		rows[i+1].WriteString(name)
	}
	column := func(title string, got map[string]float32) {
		rows[0].WriteString("," + title)
		for i, name := range names {
			fmt.Fprintf(&rows[i+1], ",%v", got[name])
		}
	}
	for _, sample := range []string{"syn", "udp-options", "icmp-echo", "v6-extensions", "v6-icmp", "empty"} {
		column(sample, columns.of(ofOne(own, raw(t, samples[sample])), 2))
	}
	column("conversation", columns.of(conversation(t), 7))
	var csv strings.Builder
	for i := range rows {
		csv.WriteString(rows[i].String() + "\n")
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/flows.csv", csv.String())
}
