package bundle

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// refusals each spoil the bundle testdata/trees in one way.
var refusals = []refusal{
	{"no manifest", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, manifestFile)) }},
	{"no folder", func(t *testing.T, dir string) { os.RemoveAll(dir) }},
	{"a file for a folder", func(t *testing.T, dir string) {
		os.RemoveAll(dir)
		write(t, filepath.Dir(dir), filepath.Base(dir), nil)
	}},
	{"empty manifest", raw("")},
	{"not JSON", raw("{\n \"schema\": \"serveflow.bundle/1\",\n}")},
	{"cut manifest", raw("{\n \"schema\": \"serveflow.bundle/1\"")},
	{"a list for a manifest", raw("[]")},
	{"text after the manifest", func(t *testing.T, dir string) {
		write(t, dir, manifestFile, append(read(t, dir, manifestFile), "{}"...))
	}},

	{"newer schema", set("schema", "serveflow.bundle/2")},
	{"newer schema with fields of its own", all(set("schema", "serveflow.bundle/12"), set("novelty", 1))},
	{"older schema", set("schema", "serveflow.bundle/0")},
	{"another schema", set("schema", "other/1")},
	{"no schema", set("schema", nil)},
	{"schema of another kind", set("schema", 1)},
	{"newer features", set("features", "serveflow.features/2")},
	{"unknown field", set("treshold", 0.5)},
	{"unknown field of a stage", setStage(1, "treshold", 0.5)},
	{"upper case", all(set("task", nil), set("Task", "t"))},
	{"upper case in a stage", all(setStage(1, "depth", nil), setStage(1, "Depth", 3))},
	{"null for a field", manifest(func(m object) { m["protocols"] = nil })},
	{"null for a field of a stage", manifest(func(m object) { m["stages"].([]any)[1].(object)["output_name"] = nil })},
	{"a class of 65 characters", set("classes", []string{"dns", "http", strings.Repeat("ü", 65)})},
	{"text for a number", setStage(0, "depth", "3")},
	{"a fraction for a whole number", setStage(0, "depth", 1.5)},
	{"no task", set("task", nil)},
	{"task with a dot", set("task", "a.b")},
	{"no version", set("version", nil)},
	{"version of two lines", set("version", "1\n2")},
	{"one class", set("classes", []string{"dns"})},
	{"class twice", set("classes", []string{"dns", "http", "dns"})},
	{"class called unknown", set("classes", []string{"dns", "http", "unknown"})},
	{"empty class", set("classes", []string{"dns", "", "tls"})},
	{"no stages", set("stages", []any{})},

	{"no protocols", set("protocols", []string{})},
	{"unknown protocol", set("protocols", []string{"tcp", "sctp"})},
	{"protocol twice", set("protocols", []string{"tcp", "udp", "tcp"})},
	{"protocol by number", set("protocols", []int{6})},

	{"another input", set("input", "flows")},
	{"empty input", set("input", "")},
	{"input of another kind", set("input", 1)},
	{"a feature of conn.log from packets", setStage(0, "features", []string{"proto", "conn_state"})},
	{"a packet's feature from conn.log", all(set("input", "conn"), setStage(1, "depth", 1))},
	{"a feature of all packets from conn.log", all(set("input", "conn"), setStage(1, "depth", 1), setStage(0, "features", []string{"proto", "log_duration"}))},
	{"a mistyped feature of conn.log", all(set("input", "conn"), setStage(1, "depth", 1), setStage(0, "features", []string{"conn_hystory_flip"}))},
	{"depth of conn.log", set("input", "conn")},

	{"stage without a name", setStage(0, "name", nil)},
	{"stage twice", setStage(1, "name", "first")},
	{"depths out of order", setStage(0, "depth", 4)},
	{"no depth", setStage(0, "depth", nil)},
	{"no depth of a later stage", setStage(1, "depth", nil)},
	{"depth too large", setStage(1, "depth", 65)},
	{"no features", setStage(0, "features", []string{})},
	{"output", setStage(0, "output", "logits")},
	{"uncertainty", setStage(0, "uncertainty", "variance")},
	{"no temperature", setStage(0, "temperature", nil)},
	{"temperature 0", setStage(0, "temperature", 0)},
	{"no threshold", setStage(0, "threshold", nil)},
	{"threshold above 1", setStage(0, "threshold", 1.01)},
	{"model not listed", setStage(0, "file", "other.txt")},
	{"no model", setStage(0, "file", nil)},
	{"parity not listed", set("parity", "other.json")},
	{"no model card", set("model_card", nil)},

	{"file outside", manifest(func(m object) { m["files"].(object)["../x"] = digest })},
	{"file in a folder", manifest(func(m object) { m["files"].(object)["a/b"] = digest })},
	{"the manifest itself", manifest(func(m object) { m["files"].(object)[manifestFile] = digest })},
	{"digest too short", manifest(func(m object) { m["files"].(object)["first.txt"] = "abc" })},
	{"wrong digest", manifest(func(m object) { m["files"].(object)["first.txt"] = digest })},
	{"changed file", func(t *testing.T, dir string) { write(t, dir, "MODEL_CARD.md", []byte("other")) }},
	{"file not there", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "early.txt")) }},
	{"a link", func(t *testing.T, dir string) {
		os.Rename(filepath.Join(dir, "early.txt"), filepath.Join(dir, "moved.txt"))
		os.Symlink("moved.txt", filepath.Join(dir, "early.txt"))
	}},
	{"a folder for a file", func(t *testing.T, dir string) {
		os.Remove(filepath.Join(dir, "early.txt"))
		os.Mkdir(filepath.Join(dir, "early.txt"), 0o755)
	}},

	{"a link out of the folder", func(t *testing.T, dir string) {
		os.Rename(filepath.Join(dir, "early.txt"), filepath.Join(filepath.Dir(dir), "early.txt"))
		os.Symlink("../early.txt", filepath.Join(dir, "early.txt"))
	}},
	{"a manifest that is a link", func(t *testing.T, dir string) {
		os.Rename(filepath.Join(dir, manifestFile), filepath.Join(filepath.Dir(dir), manifestFile))
		os.Symlink("../"+manifestFile, filepath.Join(dir, manifestFile))
	}},
	{"a pipe", func(t *testing.T, dir string) {
		os.Remove(filepath.Join(dir, "early.txt"))
		syscall.Mkfifo(filepath.Join(dir, "early.txt"), 0o644)
	}},
	{"a huge file with nothing in it", func(t *testing.T, dir string) { os.Truncate(filepath.Join(dir, "early.txt"), 1<<40) }},
	{"files that are huge together", func(t *testing.T, dir string) {
		os.Truncate(filepath.Join(dir, "MODEL_CARD.md"), 100<<20)
		seal(t, dir, "MODEL_CARD.md")
		os.Truncate(filepath.Join(dir, "early.txt"), 200<<20)
	}},
	{"a huge manifest", func(t *testing.T, dir string) { os.Truncate(filepath.Join(dir, manifestFile), 1<<30) }},
	{"a deep manifest", raw(`{"schema":"serveflow.bundle/1","task":` + strings.Repeat("[", 1<<20))},
	{"a field twice", func(t *testing.T, dir string) {
		write(t, dir, manifestFile, bytes.Replace(read(t, dir, manifestFile), []byte(`"threshold"`), []byte(`"threshold":1,"threshold"`), 1))
	}},
	{"a class twice", func(t *testing.T, dir string) {
		setStage(0, "thresholds", object{"dns": .1})(t, dir)
		write(t, dir, manifestFile, bytes.Replace(read(t, dir, manifestFile), []byte(`"dns":0.1`), []byte(`"dns":1,"dns":0.1`), 1))
	}},
	{"a field twice, in two cases", func(t *testing.T, dir string) {
		write(t, dir, manifestFile, bytes.Replace(read(t, dir, manifestFile), []byte(`"threshold"`), []byte(`"Threshold":1,"threshold"`), 1))
	}},
	{"an archive for a folder", func(t *testing.T, dir string) {
		os.RemoveAll(dir)
		write(t, filepath.Dir(dir), filepath.Base(dir), []byte("PK\x03\x04"))
	}},

	{"unknown engine", setStage(0, "engine", "xgboost")},
	{"slow engine before the last stage", setStage(0, "engine", "onnx")},
	{"unknown feature", setStage(0, "features", []string{"proto", "p1_ip_lenn"})},
	{"feature twice", setStage(0, "features", []string{"proto", "proto"})},
	{"feature beyond the depth", setStage(1, "depth", 2)},
	{"leaves gives no probabilities", setStage(0, "output", "probabilities")},
	{"leaves has no names", setStage(0, "input", "features")},
	{"damaged model", file("first.txt", "num_leaves=4", "num_leaves=3")},
	{"fewer features than the model", manifest(func(m object) {
		s := m["stages"].([]any)[0].(object)
		s["features"] = s["features"].([]any)[1:]
	})},
	{"features in another order", manifest(func(m object) {
		f := m["stages"].([]any)[0].(object)["features"].([]any)
		f[0], f[1] = f[1], f[0]
	})},
	{"more classes than the model", set("classes", []string{"dns", "http", "tls", "ntp"})},
	{"the other stage's model", all(setStage(0, "file", "early.txt"), setStage(0, "depth", 3))},

	{"no parity rows", func(t *testing.T, dir string) {
		edit(t, dir, "parity.json", func(p object) { p["rows"] = []any{} })
		seal(t, dir, "parity.json")
	}},
	{"no rows for a stage", func(t *testing.T, dir string) {
		edit(t, dir, "parity.json", func(p object) { p["rows"] = p["rows"].([]any)[:8] })
		seal(t, dir, "parity.json")
	}},
	{"no names in the parity file", func(t *testing.T, dir string) {
		edit(t, dir, "parity.json", func(p object) { delete(p, "classes") })
		seal(t, dir, "parity.json")
	}},
	{"classes in another order", set("classes", []string{"http", "dns", "tls"})},
	{"rows of no stage", parityRowSet(0, "stage", "zeroth")},
	{"NaN in a row", file("parity.json", `"x": [`, `"x": [NaN,`)},
	{"-Infinity in a row", file("parity.json", `"x": [`, `"x": [-Infinity,`)},
	{"unknown field in a row", parityRowSet(0, "y", 1)},
	{"row too short", parityRowSet(0, "x", []int{1, 2})},
	{"scores too short", parityRowSet(0, "scores", []int{1})},
	{"number too large", parityRowSet(0, "x", []float64{1, 2, 3, 4, 5, 1e300})},
	{"other scores", parityRowSet(1, "scores", []float64{-1, -1.5, -2})},
	{"another model", file("first.txt", "leaf_value=-", "leaf_value=+")},
}

const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func raw(text string) change {
	return func(t *testing.T, dir string) { write(t, dir, manifestFile, []byte(text)) }
}

func TestRefusals(t *testing.T) { checkRefusals(t, refusals, "testdata/refusals.golden") }
