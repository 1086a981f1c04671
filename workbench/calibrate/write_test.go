package calibrate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade"
)

const written = `{"schema": "serveflow.bundle/1", "version": "7", "drift": "drift.json", "wide": 123456789012345678901,
 "stages": [{"name": "first", "threshold": 0.3, "thresholds": {"a": 0.1}, "hazard": {"file": "h", "below": 0.25}, "patience": [{"ms": 400}]}, {"name": "slow", "threshold": 1.0}],
 "families": [{"name": "ab", "classes": ["a"]}, {"name": "bb", "classes": ["b"], "threshold": 0.125}],
 "files": {"model.txt": "x", "drift.json": "y"}}`

func bundle(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{manifest: written, "model.txt": "trees", "drift.json": "{}", "stray": "not listed"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Only rules, version and drift change; every file has its digest.
func TestWrite(t *testing.T) {
	from, to := bundle(t), filepath.Join(t.TempDir(), "new")
	rules := Rules{Stages: []StageRules{{Threshold: .4, Below: .5, Patience: []cascade.Patience{{Classes: []int{1, 0}, Packets: 2, Wait: 1500 * time.Millisecond}, {Wait: 100 * time.Millisecond}}}, {Threshold: 1}}, Families: []float64{.05, -1}}
	page := []byte("a page")
	if err := Write(from, to, spec(), rules, Added{Files: map[string][]byte{"calibrated.html": page}, Note: "a note\n"}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(to, manifest))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(page)
	want := strings.NewReplacer(`"version": "7", "drift": "drift.json"`, `"version": "7-calibrated"`, `"threshold": 0.3, "thresholds": {"a": 0.1}`, `"threshold": 0.4`, `0.25`, `0.5`,
		`"classes": ["a"]}`, `"classes": ["a"], "threshold": 0.05}`, `, "threshold": 0.125`, ``,
		`[{"ms": 400}]`, `[{"classes": ["b", "a"], "packets": 2, "ms": 1500}, {"ms": 100}]`, `"drift.json": "y"`, `"calibrated.html": "`+hex.EncodeToString(sum[:])+`"`).Replace(written)
	if !reflect.DeepEqual(parsed(t, data), parsed(t, []byte(want))) || !strings.Contains(string(data), "123456789012345678901") {
		t.Errorf("got %s", data)
	}
	names, _ := filepath.Glob(filepath.Join(to, "*"))
	if len(names) != 3 {
		t.Errorf("files: %v", names)
	}
	if left, _ := os.ReadDir(filepath.Dir(to)); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := Write(to, again, spec(), rules, Added{}); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(filepath.Join(again, manifest)); !strings.Contains(string(data), `"version": "7-calibrated"`) {
		t.Errorf("calibrated again: %s", data)
	}
}

// The model card says at its head that what follows is of the bundle as it was, and has the digest of that.
func TestWriteNotesInTheCard(t *testing.T) {
	const note = "## Calibrated\n\nanew\n"
	for card, want := range map[string]string{
		"# Model card\n\nfigures\n": "# Model card\n\n" + note + "\nfigures\n",
		"# Model card":              "# Model card\n" + note + "\n",
		"figures\n":                 "\n" + note + "\nfigures\n",
	} {
		from, to := bundle(t), filepath.Join(t.TempDir(), "new")
		m := strings.NewReplacer(`"version"`, `"model_card": "CARD.md", "version"`, `"model.txt": "x"`, `"model.txt": "x", "CARD.md": "z"`).Replace(written)
		if err := errors.Join(os.WriteFile(filepath.Join(from, manifest), []byte(m), 0o600), os.WriteFile(filepath.Join(from, "CARD.md"), []byte(card), 0o600)); err != nil {
			t.Fatal(err)
		}
		rules := Rules{Stages: []StageRules{{}, {}}, Families: []float64{-1, -1}}
		if err := Write(from, to, spec(), rules, Added{Note: note}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(to, "CARD.md"))
		data, _ := os.ReadFile(filepath.Join(to, manifest))
		sum := sha256.Sum256(got)
		if err != nil || string(got) != want || parsed(t, data)["files"].(map[string]any)["CARD.md"] != hex.EncodeToString(sum[:]) {
			t.Errorf("%v: got %q, want %q; %s", err, got, want, data)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	from := bundle(t)
	two := Rules{Stages: []StageRules{{}, {}}, Families: []float64{-1, -1}}
	one := Rules{Stages: two.Stages[:1], Families: two.Families}
	none := Rules{Stages: two.Stages}
	if err := Write(from, t.TempDir(), spec(), two, Added{}); err == nil || !strings.Contains(err.Error(), "it is there already") {
		t.Errorf("a folder that is there: %v", err)
	}
	to := filepath.Join(t.TempDir(), "new")
	if err := Write(from, to, spec(), one, Added{}); err == nil || !strings.Contains(err.Error(), "has 2 stages and 2 families, and 1 and 2 are loaded") {
		t.Errorf("another number of stages: %v", err)
	}
	if err := Write(from, to, spec(), none, Added{}); err == nil || !strings.Contains(err.Error(), "has 2 stages and 2 families, and 2 and 0 are loaded") {
		t.Errorf("another number of families: %v", err)
	}
	os.Remove(filepath.Join(from, "model.txt"))
	if err := Write(from, to, spec(), two, Added{}); err == nil || !strings.Contains(err.Error(), "model.txt") {
		t.Errorf("a file that is missing: %v", err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("a folder was left")
	}
}

func parsed(t *testing.T, data []byte) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return m
}
