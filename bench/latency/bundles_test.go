package latency

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/internal/bundletest"
)

// only writes a bundle of one stage alone, which looks at so many packets; 0: as many as it does.
//
// A bundle whose features look beyond its depth is refused, and the model has a column for each. So
// those are replaced by bits of long IPv4 options, which no flow here has: they are absent, -1,
// as the features of a packet that never came are. The model sees a flow of so many packets.
func only(t *testing.T, from, name string, depth int) string {
	t.Helper()
	return bundletest.Variant(t, from, func(stages []bundletest.Stage) []bundletest.Stage {
		at := slices.IndexFunc(stages, func(s bundletest.Stage) bool { return s.Name() == name })
		if at < 0 {
			t.Fatalf("%s: manifest.json has no stage %s", from, name)
		}
		chosen := stages[at]
		for _, rule := range []string{"patience", "hazard", "max_depth"} {
			delete(chosen, rule) // of stages that another one follows
		}
		if depth > 0 {
			chosen["depth"], chosen["features"] = depth, cut(chosen["features"].([]any), depth)
		}
		return stages[at : at+1]
	})
}

// cut replaces the features of packets beyond depth by others that are always absent.
func cut(features []any, depth int) []any {
	out, absent := slices.Clone(features), 0
	for i, name := range features {
		packet, _, _ := strings.Cut(name.(string), "_")
		if n, err := strconv.Atoi(strings.TrimPrefix(packet, "p")); err == nil && n > depth {
			out[i] = fmt.Sprintf("p1_ipv4_opt_%d", 160+absent) // behind 20 bytes of options
			absent++
		}
	}
	return out
}
