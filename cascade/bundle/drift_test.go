package bundle

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// driftText is a drift file of the bundle testdata/trees.
const driftText = `{"schema":"serveflow.drift/1",
"stages":[{"name":"first","uncertainty":[5,0,0,0,0,0,0,1,2,2],"deferred":4},{"name":"early","uncertainty":[0,0,0,0,0,0,0,0,3,1],"deferred":0}],
"labels":[{"name":"dns","flows":6},{"name":"http","flows":3},{"name":"tls","flows":1}],
"features":[{"name":"p1_ip_len","edges":[53,443.5],"flows":[1,5,2,2]},{"name":"proto","edges":[],"flows":[0,10]}]}`

// withDrift gives the bundle testdata/trees a drift file, with what f changes in it.
func withDrift(f func(object)) change {
	return func(t *testing.T, dir string) {
		var drift object
		if err := json.Unmarshal([]byte(driftText), &drift); err != nil {
			t.Fatal(err)
		}
		f(drift)
		data, err := json.Marshal(drift)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, "drift.json", data)
		set("drift", "drift.json")(t, dir)
		seal(t, dir, "drift.json")
	}
}

// in changes an object in a list of the drift file.
func in(list string, i int, field string, value any) change {
	return withDrift(func(d object) { put(d[list].([]any)[i].(object), field, value) })
}

// ofDrift changes a field of the drift file.
func ofDrift(field string, value any) change {
	return withDrift(func(d object) { put(d, field, value) })
}

var driftRefusals = []refusal{
	{"not listed", set("drift", "drift.json")},
	{"null", manifest(func(m object) { m["drift"] = nil })},
	{"not JSON", all(withDrift(func(object) {}), file("drift.json", "{", "{,"))},
	{"more text", all(withDrift(func(object) {}), func(t *testing.T, dir string) {
		write(t, dir, "drift.json", append(read(t, dir, "drift.json"), "{}"...))
		seal(t, dir, "drift.json")
	})},
	{"a list", all(withDrift(func(object) {}), func(t *testing.T, dir string) {
		write(t, dir, "drift.json", []byte("[]"))
		seal(t, dir, "drift.json")
	})},
	{"newer schema", all(ofDrift("schema", "serveflow.drift/2"))},
	{"no schema", ofDrift("schema", nil)},
	{"unknown field", ofDrift("window", 1)},
	{"unknown field of a stage", in("stages", 0, "depth", 1)},
	{"upper case in a feature", all(in("features", 0, "Column", 1))},
	{"a field in other letters", withDrift(func(d object) { d["Labels"] = d["labels"]; delete(d, "labels") })},
	{"a field twice", all(withDrift(func(object) {}), file("drift.json", `"deferred"`, `"deferred":1,"Deferred"`))},
	{"no deferred", in("stages", 0, "deferred", nil)},
	{"no features", ofDrift("features", nil)},
	{"null for edges", withDrift(func(d object) { d["features"].([]any)[0].(object)["edges"] = nil })},
	{"a fraction for flows", in("labels", 0, "flows", 1.5)},
	{"text for flows", in("labels", 0, "flows", "6")},
	{"stages too few", withDrift(func(d object) { d["stages"] = d["stages"].([]any)[:1] })},
	{"another stage", in("stages", 1, "name", "slow")},
	{"bins too few", in("stages", 1, "uncertainty", []any{4})},
	{"flows below 0", in("stages", 0, "uncertainty", []any{6, -1, 0, 0, 0, 0, 0, 1, 2, 2})},
	{"flows beyond all numbers", in("stages", 0, "uncertainty", []any{1e30, 0, 0, 0, 0, 0, 0, 1, 2, 2})},
	{"flows too many", in("stages", 0, "uncertainty", []any{1 << 41, 0, 0, 0, 0, 0, 0, 1, 2, 2})},
	{"more deferred than asked", in("stages", 0, "deferred", 11)},
	{"deferred below 0", in("stages", 0, "deferred", -1)},
	{"no flows", withDrift(func(d object) {
		s := d["stages"].([]any)[0].(object)
		s["uncertainty"], s["deferred"] = []any{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0
	})},
	{"labels in another order", withDrift(func(d object) { slices.Reverse(d["labels"].([]any)) })},
	{"more labels than flows", in("labels", 0, "flows", 7)},
	{"no labels", withDrift(func(d object) {
		for _, l := range d["labels"].([]any) {
			l.(object)["flows"] = 0
		}
	})},
	{"another feature", in("features", 0, "name", "orig_port")},
	{"a feature twice", in("features", 1, "name", "p1_ip_len")},
	{"edges that do not ascend", in("features", 0, "edges", []any{443, 443})},
	{"an edge that is no number", in("features", 0, "edges", []any{53, 1e300})},
	{"flows without a bin", in("features", 0, "flows", []any{1, 5, 4})},
	{"flows of others", in("features", 0, "flows", []any{1, 5, 2, 3})},
	{"edges too many", in("features", 0, "edges", slices.Repeat([]any{1}, 65))},
	{"features too many", ofDrift("features", slices.Repeat([]any{object{"name": "proto", "edges": []any{}, "flows": []any{0, 10}}}, 65))},
}

func TestDriftRefusals(t *testing.T) {
	checkRefusals(t, driftRefusals, "testdata/drift_refusals.golden")
}

func TestDriftIsRead(t *testing.T) {
	dir := copyBundle(t, "trees")
	withDrift(func(object) {})(t, dir)
	report, err := Verify(dir, Standard(""))
	if err != nil || !slices.Contains(report, "drift.json: what 10 flows of the calibration set looked like, by 2 features") {
		t.Fatalf("%q, %v", report, err)
	}
	b, err := Load(dir, Standard(""))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, f := range b.Drift.Features {
		if at := slices.Index(b.Manifest.Stages[0].Features, f.Name); f.Column != at {
			t.Errorf("%s is looked for in column %d, not %d", f.Name, f.Column, at)
		}
	}
}

// A bundle without the file has no reference.
func TestNoDrift(t *testing.T) {
	b, err := Load(copyBundle(t, "trees"), Standard(""))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Drift != nil {
		t.Errorf("%+v", b.Drift)
	}
}

// FuzzDrift holds that no drift file panics, that each refusal is one line about the file, and
// that one that is taken can be counted by.
func FuzzDrift(f *testing.F) {
	manifest, err := os.ReadFile("testdata/trees/manifest.json")
	if err != nil {
		f.Fatal(err)
	}
	m, err := parseManifest(manifest)
	if err != nil {
		f.Fatal(err)
	}
	m.Drift = "drift.json"
	if _, err := parseDrift(m, []byte(driftText)); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(driftText))
	f.Add([]byte(`{"schema":"serveflow.drift/2"}`))
	f.Add([]byte(strings.Replace(driftText, "443.5", "-1", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseDrift(m, data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "drift.json: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			return
		}
		if len(r.Stages) != len(m.Stages) || len(r.Labels) != len(m.Classes) {
			t.Errorf("taken: %s", data)
		}
		for _, feature := range r.Features {
			if m.Stages[0].Features[feature.Column] != feature.Name || len(feature.Flows) != len(feature.Edges)+2 {
				t.Errorf("taken: %s", data)
			}
		}
	})
}
