package latency

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// only writes a bundle of one stage alone, which looks at so many packets; 0: as many as it does. It
// is bench/throughput's slowAlone for any stage: benches import nothing of each other.
//
// A bundle whose features look beyond its depth is refused, and the model has a column for each. So
// those are replaced by bits of long IPv4 options, which no flow here has: they are absent, -1,
// as the features of a packet that never came are. The model sees a flow of so many packets.
func only(t *testing.T, from, stage string, depth int) string {
	t.Helper()
	out := t.TempDir()
	var manifest map[string]any
	readJSON(t, filepath.Join(from, "manifest.json"), &manifest)
	stages := manifest["stages"].([]any)
	at := slices.IndexFunc(stages, func(s any) bool { return s.(map[string]any)["name"] == stage })
	if at < 0 {
		t.Fatalf("%s: manifest.json has no stage %s", from, stage)
	}
	chosen := stages[at].(map[string]any)
	manifest["stages"] = []any{chosen}
	delete(manifest, "drift")
	for _, rule := range []string{"patience", "hazard", "max_depth"} {
		delete(chosen, rule) // of stages that another one follows
	}
	var parity struct {
		Classes  []string                     `json:"classes"`
		Features map[string][]string          `json:"features"`
		Rows     []map[string]json.RawMessage `json:"rows"`
	}
	readJSON(t, filepath.Join(from, "parity.json"), &parity)
	name := string(toJSON(t, stage))
	parity.Rows = slices.DeleteFunc(parity.Rows, func(row map[string]json.RawMessage) bool { return string(row["stage"]) != name })
	if depth > 0 {
		chosen["depth"] = depth
		parity.Features[stage] = cut(parity.Features[stage], depth)
		chosen["features"] = parity.Features[stage]
	}
	maps.DeleteFunc(parity.Features, func(other string, _ []string) bool { return other != stage })
	digests := map[string]string{}
	keep := func(file string, data []byte) {
		sum := sha256.Sum256(data)
		digests[file] = hex.EncodeToString(sum[:])
		write(t, filepath.Join(out, file), data)
	}
	keep("parity.json", toJSON(t, parity))
	for _, file := range []string{chosen["file"].(string), "calibration.json", "MODEL_CARD.md"} {
		data, err := os.ReadFile(filepath.Join(from, file))
		if err != nil {
			t.Fatal(err)
		}
		keep(file, data)
	}
	manifest["files"] = digests
	write(t, filepath.Join(out, "manifest.json"), toJSON(t, manifest))
	return out
}

// cut replaces the features of packets beyond depth by others that are always absent.
func cut(features []string, depth int) []string {
	out, absent := slices.Clone(features), 0
	for i, name := range features {
		packet, _, _ := strings.Cut(name, "_")
		if n, err := strconv.Atoi(strings.TrimPrefix(packet, "p")); err == nil && n > depth {
			out[i] = fmt.Sprintf("p1_ipv4_opt_%d", 160+absent) // behind 20 bytes of options
			absent++
		}
	}
	return out
}

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
