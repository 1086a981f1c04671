package faults

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// TestFaultsBundles loads mutated models with correct digests. This process stands for the
// serving process: it loads what passes the trial.
func TestFaultsBundles(t *testing.T) {
	requireBench(t)
	library := onnxtest.Library(t)
	const target = "refused with reason or proven harmless; the serving process lives, memory under its cap"
	for _, c := range []struct {
		name        string
		short, long int
		base        seed
		mutate      func(*rand.Rand, []byte) []byte
	}{
		{"service's first stage, LightGBM", 100, 4000, seedFromBundle(t, "service", 0), mutateTrees},
		{"conn.log's stage, LightGBM", 20, 1000, seedFromBundle(t, "service-conn", 0), mutateTrees},
		{"service's slow stage, ONNX trees", 20, 1500, seedFromBundle(t, "service", 3), mutateONNX},
		{"small ONNX trees", 100, 3000, seedFromModel(t, library, "trees"), mutateONNX},
		{"small ONNX network", 60, 1000, seedFromModel(t, library, "mlp"), mutateONNX},
	} {
		n := choose(c.short, c.long)
		run(t, fmt.Sprintf("%d mutated models: %s", n, c.name), target, func(t *testing.T, r *row) {
			k := &campaign{seed: c.base, mutate: c.mutate, library: library, outcomes: make(map[string]int)}
			k.run(t, n)
			r.note("%s", k)
			const most = 1024 // MiB: the limit of a serving process, which loads one model
			if mine := resident("/proc/self/status", "VmHWM:") >> 10; mine > most {
				t.Errorf("this process, which loads what passed, had %d MiB resident, more than %d", mine, most)
			} else {
				r.note("%d MiB in the process that loads what passed", mine)
			}
		})
	}
}

// campaign loads many mutants of one model.
type campaign struct {
	seed    seed
	mutate  func(*rand.Rand, []byte) []byte
	library string

	mu        sync.Mutex
	outcomes  map[string]int // number of mutants by outcome
	maxMemory int            // MiB, the most of one trial
	maxTime   time.Duration  // of the longest trial
}

func (k *campaign) run(t *testing.T, n int) {
	trial := &bundle.Trial{Command: []string{serveflowBinary(t), "bundle", "try"}, Env: []string{"SERVEFLOW_ONNXRUNTIME=" + k.library},
		Limits: bundle.Limits{CPU: 30 * time.Second}}
	if end := k.runOne(t, trial, t.TempDir(), k.seed.model); end != "harmless" {
		t.Fatal("the good model: ", end)
	}
	clear(k.outcomes)
	next := make(chan []byte)
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() {
			dir := t.TempDir()
			for model := range next {
				k.runOne(t, trial, dir, model)
			}
		})
	}
	rng := rand.New(rand.NewPCG(6, uint64(len(k.seed.model))))
	for range n {
		next <- k.mutate(rng, k.seed.model)
	}
	close(next)
	work.Wait()
}

// runOne tries a mutant, and loads it into this process where it passes. It returns the outcome.
func (k *campaign) runOne(t *testing.T, trial *bundle.Trial, dir string, model []byte) string {
	if err := k.seed.write(dir, model); err != nil {
		t.Error(err)
		return "not written"
	}
	began := time.Now()
	report, err := trial.Verify(t.Context(), dir)
	took := time.Since(began)
	end := k.outcome(err)
	if err == nil {
		var b *bundle.Bundle
		if b, err = trial.Load(t.Context(), dir, bundle.Standard(k.library)); err == nil {
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
	k.outcomes[end]++
	k.maxTime = max(k.maxTime, took)
	for _, line := range report {
		if m := trialMemory.FindStringSubmatch(line); m != nil {
			mib, _ := strconv.Atoi(m[1])
			k.maxMemory = max(k.maxMemory, mib)
		}
	}
	return end
}

var trialMemory = regexp.MustCompile(`^trial: at most (\d+) MiB`)

// resident reads a figure in KiB from a process's status file.
func resident(path, field string) int {
	text, _ := os.ReadFile(path)
	_, rest, _ := strings.Cut(string(text), field)
	kib, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
	return kib
}

// outcome returns the check that refused; empty where the error is not known.
func (k *campaign) outcome(err error) string {
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
		{k.seed.file + ": gbdt: ", "our parser of trees"},
		{"weight lies in another file", "our walk over ONNX"},
		{"not an ONNX model", "our walk over ONNX"},
		{k.seed.file + ": onnx: TreeEnsemble", "our check of ONNX trees"},
		{"two attributes", "our check of ONNX trees"},
		{"does not read", "our check of ONNX trees"},
		{"its trees look at", "our check of ONNX trees"},
		{"any number of rows", "shape"},
		{"the model takes", "shape"},
		{"the model has", "shape"},
		{"name one of these", "shape"},
		{"not a tensor of float32", "shape"},
		{"in the manifest's stage", "names of features"},
		{k.seed.file + ": onnx: ", "ONNX Runtime's own checks"},
	} {
		if strings.Contains(err.Error(), c.words) && strings.Contains(err.Error(), "; ") && !strings.Contains(err.Error(), "\n") {
			return c.name
		}
	}
	return ""
}

// String formats how many mutants had each outcome.
func (k *campaign) String() string {
	var s strings.Builder
	for _, end := range slices.Sorted(maps.Keys(k.outcomes)) {
		fmt.Fprintf(&s, "%s %d, ", end, k.outcomes[end])
	}
	fmt.Fprintf(&s, "at most %d MiB and %v a trial", k.maxMemory, k.maxTime.Round(time.Millisecond))
	return s.String()
}
