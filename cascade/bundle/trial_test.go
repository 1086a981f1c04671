package bundle

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade/onnx"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
)

// tries are what the test's binary does instead of testing, by its first argument: it
// tries a bundle out with ONNX models loaded in this way, within these limits.
func tries(name string) (load func([]byte, *StageSpec) (Model, error), l Limits, ok bool) {
	engines := Standard(os.Getenv("SERVEFLOW_ONNXRUNTIME"))
	l = Limits{Memory: 512 << 20, CPU: 30 * time.Second}
	switch name {
	case "try":
		return engines["onnx"].Load, l, true
	case "try-impatient":
		return func(data []byte, _ *StageSpec) (Model, error) {
			runtime, err := onnx.Start(os.Getenv("SERVEFLOW_ONNXRUNTIME"))
			if err != nil {
				return nil, err
			}
			return runtime.Load(data, onnx.Config{Input: "features", Output: "scores", Timeout: 100 * time.Millisecond})
		}, l, true
	case "try-dying":
		return func([]byte, *StageSpec) (Model, error) {
			syscall.Kill(os.Getpid(), syscall.SIGABRT)
			select {}
		}, l, true
	case "try-spinning":
		l.CPU = time.Second
		return func([]byte, *StageSpec) (Model, error) {
			for { // burns its time
				runtime.Gosched()
			}
		}, l, true
	}
	return nil, l, false
}

func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		if load, limits, ok := tries(os.Args[1]); ok {
			engines := Standard("")
			engines["onnx"] = Engine{Load: load, Tolerance: 1e-5}
			if err := Try(os.Args[2], engines, limits, os.Stdout); err != nil {
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func newTrial(t *testing.T, name string) *Trial {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, limits, _ := tries(name)
	return &Trial{Command: []string{exe, name}, Env: []string{"SERVEFLOW_ONNXRUNTIME=" + onnxtest.Library(t)}, Limits: limits}
}

func TestTrialPasses(t *testing.T) {
	trial := newTrial(t, "try")
	for _, dir := range []string{"testdata/trees", "testdata/mixed"} {
		report, err := trial.Verify(t.Context(), dir)
		if err != nil || len(report) < 6 || !strings.HasPrefix(report[0], "manifest.json: ") {
			t.Fatalf("%s: %v after %q", dir, err, report)
		}
		b, err := trial.Load(t.Context(), dir, Standard(onnxtest.Library(t)))
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
	}
}

// What a trial has found to be trees is served without ONNX Runtime, with the scores that Load's
// models give; a network is loaded by ONNX Runtime.
func TestWhatWasTriedNeedsNoLibrary(t *testing.T) {
	trial := newTrial(t, "try")
	for dir, wantLoads := range map[string]int{"../../bundles/service": 0, "testdata/mixed": 1} {
		engines := Standard(onnxtest.Library(t))
		loads, engine := 0, engines["onnx"]
		whole := engine.Load
		engine.Load = func(data []byte, s *StageSpec) (Model, error) { loads++; return whole(data, s) }
		engines["onnx"] = engine
		b, err := trial.Load(t.Context(), dir, engines)
		if err != nil || loads != wantLoads {
			t.Fatalf("%s: loaded %d times by ONNX Runtime, %v", dir, loads, err)
		}
		full, err := Load(dir, engines)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range full.Stages {
			row := make([]float32, s.Model.Width())
			want, got := make([]float64, s.Model.Classes()), make([]float64, s.Model.Classes())
			for j := range row {
				row[j] = float32(j % 70)
			}
			if err := errors.Join(s.Model.Predict(row, 1, want), b.Stages[i].Model.Predict(row, 1, got)); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: stage %s: %v, want %v; %v", dir, s.Spec.Name, got, want, err)
			}
		}
		if err := errors.Join(b.Close(), full.Close()); err != nil {
			t.Error(err)
		}
	}
}

// hostile makes the bundle "mixed" with another model of 3 features, whose scores are
// the features where they are zeros.
func hostile(t *testing.T, model string) string {
	dir := copyBundle(t, "mixed")
	write(t, dir, "slow.onnx", read(t, "../onnx/testdata", model))
	seal(t, dir, "slow.onnx")
	features := []string{"proto", "ip_version", "p1_ip_len"}
	all(setStage(1, "features", features), setStage(1, "output_name", "scores"), setStage(1, "output", "scores"))(t, dir)
	edit(t, dir, "parity.json", func(p object) {
		zeros := []float64{0, 0, 0}
		p["features"].(object)["slow"] = features
		p["rows"] = append(p["rows"].([]any)[:8], object{"stage": "slow", "x": zeros, "scores": zeros})
	})
	seal(t, dir, "parity.json")
	return dir
}

// What would end, stop or fill the process that loads the bundle only does so to the trial.
func TestTrialRefuses(t *testing.T) {
	for _, c := range []struct{ try, model, want string }{
		{"try-spinning", "endless.onnx", "slow.onnx: no end after 1s of the processor's time, "},
		{"try-impatient", "endless.onnx", "slow.onnx: no scores for a flow whose features are all 1: onnx: no answer in 100ms; "},
		{"try-dying", "endless.onnx", "slow.onnx: ended a process of its own that tried it out: "},
		{"try", "bomb.onnx", "slow.onnx: it needs more than the 512 MiB of memory that a bundle may ("},
		{"try", "nan.onnx", "slow.onnx: no scores for a flow whose features are all -1: onnx: row 0: the score of class 0 is NaN; "},
		{"try", "bad/external_weight.onnx", "slow.onnx: onnx: a weight lies in another file (external data); "},
	} {
		t.Run(c.try+" "+c.model, func(t *testing.T) {
			t.Parallel()
			dir := hostile(t, c.model)
			b, err := newTrial(t, c.try).Load(t.Context(), dir, Standard(onnxtest.Library(t)))
			if err == nil {
				b.Close()
			}
			if err == nil || !strings.HasPrefix(err.Error(), "bundle "+dir+": "+c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v", err)
			}
		})
	}
}

// However the process of a trial ends, there is one line that says so.
func TestTrialEnds(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"aborts", `echo '{"at":"slow.onnx"}'; echo 'terminate called' >&2; kill -ABRT $$`, `slow.onnx: ended a process of its own that tried it out: signal: aborted ("terminate called"); `},
		{"core dumped in silence", `kill -SEGV $$`, `manifest.json: ended a process of its own that tried it out: signal: segmentation fault (""); `},
		{"for lack of memory", `echo 'fatal error: runtime: cannot allocate memory' >&2; exit 2`, `manifest.json: it needs more than the 1 MiB of memory that a bundle may ("fatal error`},
		{"too late", `exit 3`, `manifest.json: no end after 1s of the processor`},
		{"too soon", `exit 0`, `manifest.json: ended a process of its own that tried it out: exit status 0 (""); `},
		{"with nonsense", `echo '{"digest"'; exit 0`, `manifest.json: ended a process of its own`},
		{"after its answer", `echo '{"digest":"00"}'; kill -ABRT $$`, `manifest.json: ended a process of its own`},
		{"with endless words", `head -c 3000000 /dev/zero; exit 1`, `manifest.json: ended a process of its own`},
		{"with a refusal", `echo '{"report":"a"}'; echo '{"error":"bundle D: x: y; z"}'`, `x: y; z`},
		{"with another digest", `echo '{"digest":"00"}'`, `manifest.json: changed while the bundle was loaded; start again`},
	} {
		trial := &Trial{Command: []string{"/bin/sh", "-c", c.script}, Env: []string{"PATH=/usr/bin:/bin"}, Limits: Limits{Memory: 1 << 20, CPU: time.Second}}
		b, err := trial.Load(t.Context(), "testdata/trees", Standard(""))
		if err == nil {
			b.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), "bundle ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	trial := &Trial{Command: []string{"/nowhere/serveflow"}, Limits: Limits{CPU: time.Second}}
	if _, err := trial.Verify(t.Context(), "testdata/trees"); err == nil || !strings.Contains(err.Error(), "no process to try it out in") {
		t.Error(err)
	}
}

// A trial that a hangup ends, which is sent to processes and is no fault of a bundle, is made once
// more, and no oftener: a model could send it too.
func TestTrialEndedByAHangup(t *testing.T) {
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, syscall.SIGHUP) // where it was ignored, as under nohup, the shell would ignore it too
	defer signal.Stop(ask)
	const once, always = `if [ -e "$MARK" ]; then echo '{"digest":"00"}'; else echo > "$MARK"; kill -HUP $$; fi`, `echo x >> "$MARK"; kill -HUP $$`
	for script, want := range map[string]string{once: "", always: `manifest.json: ended a process of its own that tried it out: signal: hangup (""); `} {
		mark := filepath.Join(t.TempDir(), "mark")
		trial := &Trial{Command: []string{"/bin/sh", "-c", script}, Env: []string{"MARK=" + mark}, Limits: Limits{Memory: 1 << 20, CPU: time.Second}}
		_, err := trial.Verify(t.Context(), "testdata/trees")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
		if tries, _ := os.ReadFile(mark); script == always && string(tries) != "x\nx\n" {
			t.Errorf("tried so often: %q", tries)
		}
	}
}

// A trial ends with its context, long before its own time is over.
func TestTrialEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	started := filepath.Join(t.TempDir(), "started")
	trial := &Trial{Command: []string{"/bin/sh", "-c", "echo > " + started + "; sleep 600"}, Env: []string{"PATH=/usr/bin:/bin"}, Limits: Limits{Memory: 1 << 20, CPU: time.Hour}}
	ended := make(chan error)
	go func() {
		_, err := trial.Load(ctx, "testdata/trees", Standard(""))
		ended <- err
	}()
	await.Until(t, "the trial's process", func() bool { _, err := os.Stat(started); return err == nil })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestEdgesWantAnAnswer(t *testing.T) {
	closed := 0
	late := Stage{Model: fake{err: onnx.ErrLate, closed: &closed}}
	wrong := Stage{Model: fake{err: errors.New("no"), closed: &closed}}
	for _, s := range []Stage{late, wrong} {
		if err := s.checkEdges(); err == nil || !strings.Contains(err.Error(), "no scores for a flow whose features are all -1: ") {
			t.Error(err)
		}
	}
}
