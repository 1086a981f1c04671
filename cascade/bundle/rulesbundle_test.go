package bundle

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// rulesBundle makes a bundle with rules of every kind out of the other ones of testdata: the
// stages first and slow of mixed, and early of trees between them, which looks at up to five
// packets.
func rulesBundle(t *testing.T) string {
	dir := copyBundle(t, "mixed")
	write(t, dir, "early.txt", read(t, "testdata/trees", "early.txt"))
	var stages struct {
		Stages []object `json:"stages"`
	}
	var rows struct {
		Features object   `json:"features"`
		Rows     []object `json:"rows"`
	}
	for name, into := range map[string]any{manifestFile: &stages, "parity.json": &rows} {
		if err := json.Unmarshal(read(t, "testdata/trees", name), into); err != nil {
			t.Fatal(err)
		}
	}
	early := stages.Stages[1]
	early["threshold"], early["max_depth"], early["gap_uncertainty"] = .3, 5, .05
	early["patience"] = []object{{"classes": []string{"dns"}, "packets": 3, "ms": 30}, {"ms": 300}}
	edit(t, dir, manifestFile, func(m object) {
		m["version"] = "rules"
		all := m["stages"].([]any)
		m["stages"] = []any{all[0], early, all[1]}
	})
	edit(t, dir, "parity.json", func(p object) {
		p["features"].(object)["early"] = rows.Features["early"]
		for _, row := range rows.Rows {
			if row["stage"] == "early" {
				p["rows"] = append(p["rows"].([]any), row)
			}
		}
	})
	all(withSide("hazard", object{"below": .4}), withSide("novelty", object{"above": .99}),
		setStage(0, "thresholds", object{"tls": .1}), setStage(0, "patience", []object{{"classes": []string{"dns"}, "ms": 20}, {"ms": 500}}),
		set("families", []object{{"name": "web", "classes": []string{"http", "tls"}, "threshold": .05}}))(t, dir)
	seal(t, dir, "early.txt")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, read(t, dir, manifestFile), "", " "); err != nil {
		t.Fatal(err)
	}
	write(t, dir, manifestFile, append(pretty.Bytes(), '\n'))
	return dir
}

// testdata/rules is that bundle, for the tests of what serves it.
func TestRulesBundle(t *testing.T) {
	dir, committed := rulesBundle(t), filepath.Join("testdata", "rules")
	if *update {
		if err := os.RemoveAll(committed); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(committed, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{manifestFile, "parity.json"} {
		if got, want := string(read(t, dir, name)), string(read(t, committed, name)); got != want {
			t.Errorf("%s of testdata/rules differs: run the test with -update", name)
		}
	}
	b, err := Load(committed, Standard(onnxtest.Library(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
