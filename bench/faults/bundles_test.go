package faults

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/cascade/nprint"
	"github.com/serveflow/serveflow/cascade/onnx"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// TestFaultsBundles hands mutated models to the loader, with digests that are right.
// This process stands for the serving one: what passes its trial is loaded here.
func TestFaultsBundles(t *testing.T) {
	group(t)
	library := onnxtest.Library(t)
	const target = "refused with reason or proven harmless; the serving process lives, memory under its cap"
	for _, c := range []struct {
		name        string
		short, long int
		base        specimen
		mutate      func(*rand.Rand, []byte) []byte
	}{
		{"service's first stage, LightGBM", 100, 4000, stageOf(t, "service", 0), mutateTrees},
		{"conn.log's stage, LightGBM", 20, 1000, stageOf(t, "service-conn", 0), mutateTrees},
		{"service's slow stage, ONNX trees", 20, 1500, stageOf(t, "service", 2), mutateONNX},
		{"small ONNX trees", 100, 3000, alone(t, library, "trees"), mutateONNX},
		{"small ONNX network", 60, 1000, alone(t, library, "mlp"), mutateONNX},
	} {
		n := choose(c.short, c.long)
		run(t, fmt.Sprintf("%d mutated models: %s", n, c.name), target, func(t *testing.T, r *row) {
			k := &campaign{specimen: c.base, mutate: c.mutate, library: library, ends: make(map[string]int)}
			k.run(t, n)
			r.saw("%s", k)
		})
	}
}

// specimen is a good bundle with one stage.
type specimen struct {
	manifest map[string]any
	parity   []byte
	file     string // of the model
	model    []byte
}

// write puts the bundle into a folder, with another model.
func (s specimen) write(dir string, model []byte) error {
	m := maps.Clone(s.manifest)
	m["files"] = map[string]string{s.file: digest(model), "parity.json": digest(s.parity)}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"manifest.json": text, "parity.json": s.parity, s.file: model} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// stageOf makes a bundle of one stage of a bundle that ships, with some of its parity rows.
func stageOf(t *testing.T, name string, stage int) specimen {
	t.Helper()
	dir := filepath.Join(repository, "bundles", name)
	s := specimen{}
	readJSON(t, filepath.Join(dir, "manifest.json"), &s.manifest)
	it := s.manifest["stages"].([]any)[stage].(map[string]any)
	s.manifest["stages"] = []any{it}
	var parity map[string]any
	readJSON(t, filepath.Join(dir, "parity.json"), &parity)
	rows := slices.DeleteFunc(parity["rows"].([]any), func(row any) bool { return row.(map[string]any)["stage"] != it["name"] })
	parity["rows"] = rows[:100]
	return s.finish(t, it["file"].(string), filepath.Join(dir, it["file"].(string)), parity)
}

// alone makes a bundle of one of the ONNX engine's test models, which has no manifest
// of its own; its answers of today are its parity rows.
func alone(t *testing.T, library, name string) specimen {
	t.Helper()
	path := filepath.Join(repository, "cascade", "onnx", "testdata", name+".onnx")
	engine, err := onnx.Start(library)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	output := map[string]string{"trees": "probabilities", "mlp": "scores"}[name]
	m, err := engine.Load(data, onnx.Config{Input: "features", Output: output})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s := specimen{manifest: map[string]any{"schema": bundle.Schema, "task": "service", "version": "1", "features": bundle.FeaturesSchema}}
	features := nprint.Names(10)[:m.Width()]
	classes := make([]string, m.Classes())
	for i := range classes {
		classes[i] = fmt.Sprint("class ", i)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []any
	for range 30 {
		x, scores := make([]float32, m.Width()), make([]float64, m.Classes())
		for i := range x {
			x[i] = float32(rng.IntN(300) - 1)
		}
		if err := m.Predict(x, 1, scores); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, map[string]any{"stage": name, "x": x, "scores": scores})
	}
	s.manifest["classes"] = classes
	s.manifest["stages"] = []any{map[string]any{"name": name, "engine": "onnx", "file": "model.onnx", "depth": 10, "features": features,
		"input": "features", "output_name": output, "output": "scores", "temperature": 1, "uncertainty": "margin", "threshold": 1}}
	return s.finish(t, "model.onnx", path, map[string]any{"classes": classes, "features": map[string]any{name: features}, "rows": rows})
}

func (s specimen) finish(t *testing.T, file, path string, parity map[string]any) specimen {
	t.Helper()
	var err error
	if s.model, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if s.parity, err = json.Marshal(parity); err != nil {
		t.Fatal(err)
	}
	s.file = file
	s.manifest["parity"], s.manifest["calibration"], s.manifest["model_card"] = "parity.json", "parity.json", "parity.json"
	return s
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(path, ": ", err)
	}
}

// campaign is a run of mutants of one model through the loader.
type campaign struct {
	specimen
	mutate  func(*rand.Rand, []byte) []byte
	library string

	mu   sync.Mutex
	ends map[string]int // how mutants ended
	most int            // MiB of memory of a trial
	slow time.Duration  // longest trial
}

func (k *campaign) run(t *testing.T, n int) {
	trial := &bundle.Trial{Command: []string{binary(t), "bundle", "try"}, Env: []string{"SERVEFLOW_ONNXRUNTIME=" + k.library},
		Limits: bundle.Limits{CPU: 30 * time.Second}}
	if end := k.one(t, trial, t.TempDir(), k.model); end != "harmless" {
		t.Fatal("the good model: ", end)
	}
	clear(k.ends)
	next := make(chan []byte)
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() {
			dir := t.TempDir()
			for model := range next {
				k.one(t, trial, dir, model)
			}
		})
	}
	rng := rand.New(rand.NewPCG(6, uint64(len(k.model))))
	for range n {
		next <- k.mutate(rng, k.model)
	}
	close(next)
	work.Wait()
}

// one takes a mutant through its trial, and loads it here where it passed.
func (k *campaign) one(t *testing.T, trial *bundle.Trial, dir string, model []byte) string {
	if err := k.write(dir, model); err != nil {
		t.Error(err)
		return "not written"
	}
	began := time.Now()
	report, err := trial.Verify(dir)
	took := time.Since(began)
	end := k.how(err)
	if err == nil {
		var b *bundle.Bundle
		if b, err = trial.Load(dir, bundle.Standard(k.library)); err == nil {
			err = b.Close()
		}
		if err != nil {
			end = "passed its trial, but was not loaded"
			t.Error(err)
		}
	}
	if end == "" {
		t.Errorf("no reason: %v", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ends[end]++
	k.slow = max(k.slow, took)
	for _, line := range report {
		if m := resident.FindStringSubmatch(line); m != nil {
			mib, _ := strconv.Atoi(m[1])
			k.most = max(k.most, mib)
		}
	}
	return end
}

var resident = regexp.MustCompile(`^trial: at most (\d+) MiB`)

// how names the check that refused.
func (k *campaign) how(err error) string {
	if err == nil {
		return "harmless"
	}
	for _, c := range []struct{ words, name string }{
		{"ended a process of its own", "the trial died"},
		{"no end after", "the trial ran out of time"},
		{"MiB of memory that", "the trial ran out of memory"},
		{"no scores for a flow", "no scores at the edges"},
		{"trial with", "no scores for zeros"},
		{": parity.json: ", "parity"},
		{k.file + ": gbdt: ", "our parser of trees"},
		{"weight lies in another file", "our walk over ONNX"},
		{"not an ONNX model", "our walk over ONNX"},
		{k.file + ": onnx: TreeEnsemble", "our check of ONNX trees"},
		{"two attributes", "our check of ONNX trees"},
		{"does not read", "our check of ONNX trees"},
		{"its trees look at", "our check of ONNX trees"},
		{"any number of rows", "shape"},
		{"the model takes", "shape"},
		{"the model has", "shape"},
		{"name one of these", "shape"},
		{"not a tensor of float32", "shape"},
		{"in the manifest's stage", "names of features"},
		{k.file + ": onnx: ", "ONNX Runtime's own checks"},
	} {
		if strings.Contains(err.Error(), c.words) && strings.Contains(err.Error(), "; ") && !strings.Contains(err.Error(), "\n") {
			return c.name
		}
	}
	return ""
}

// String says how the mutants ended.
func (k *campaign) String() string {
	var s strings.Builder
	for _, end := range slices.Sorted(maps.Keys(k.ends)) {
		fmt.Fprintf(&s, "%s %d, ", end, k.ends[end])
	}
	fmt.Fprintf(&s, "at most %d MiB and %v a trial", k.most, k.slow.Round(time.Millisecond))
	return s.String()
}
