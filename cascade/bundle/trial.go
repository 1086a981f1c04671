package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Trial loads bundles in a process of their own before this process loads them. ONNX
// Runtime aborts the process on some damaged models, and Go cannot recover from that. If
// the trial's process dies, or needs too much time or memory, the bundle is refused.
type Trial struct {
	Command []string // program and arguments; the folder is added; it must call Try with the same limits
	Env     []string // its whole environment
	Limits  Limits
}

// exitLate is the exit code of a trial that took too long.
const exitLate = 3

// outcome is what a trial says of a bundle that passed it.
type outcome struct {
	report []string // a line for each check that passed; also of a bundle that did not
	passed event    // the last line
}

// without reports whether a stage's model does not need its engine's library.
func (o *outcome) without(stage string) bool {
	return o != nil && slices.Contains(o.passed.Without, stage)
}

// Load tries the bundle in dir out, and then loads it. What models say is compared in the trial
// alone: the same files say the same here. It fails if the bundle has changed between the two.
// When ctx is done, the trial ends with its error.
func (t *Trial) Load(ctx context.Context, dir string, engines Engines) (*Bundle, error) {
	tried, err := t.run(ctx, dir)
	if err != nil {
		return nil, err
	}
	b, err := load(dir, engines, quiet(), tried)
	if err != nil {
		return nil, err
	}
	if b.Digest != tried.passed.Digest {
		return nil, errors.Join(fmt.Errorf("bundle %s: "+manifestFile+": changed while the bundle was loaded; start again", dir), b.Close())
	}
	return b, nil
}

// Verify tries the bundle in dir out and gives a line for each check that passed, up to
// the first that fails.
func (t *Trial) Verify(ctx context.Context, dir string) (report []string, err error) {
	tried, err := t.run(ctx, dir)
	return tried.report, err
}

// run tries the bundle out. SIGHUP, which may be sent to all processes of the program, ends one that
// has only just begun. That says nothing about the bundle: it is tried once more.
func (t *Trial) run(ctx context.Context, dir string) (*outcome, error) {
	tried, state, err := t.once(ctx, dir)
	if err != nil && state != nil && hungUp(state) {
		tried, _, err = t.once(ctx, dir)
	}
	return tried, err
}

func hungUp(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGHUP
}

// once runs one process, and gives the state that it ended in; nil: there was none, or ctx is done.
func (t *Trial) once(within context.Context, dir string) (tried *outcome, state *os.ProcessState, err error) {
	tried = &outcome{}
	// The process ends itself in time. This is for a process that no longer can.
	ctx, cancel := context.WithTimeout(within, t.Limits.wallTime()+2*time.Second)
	defer cancel()
	args := append(t.Command[1:len(t.Command):len(t.Command)], dir)
	cmd := exec.CommandContext(ctx, t.Command[0], args...)
	stdout, stderr := &firstBytes{}, &firstBytes{}
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = t.Env, stdout, stderr, time.Second
	end := cmd.Run()
	if within.Err() != nil {
		return tried, nil, fmt.Errorf("bundle %s: %w", dir, within.Err())
	}
	if cmd.Process == nil {
		return tried, nil, fmt.Errorf("bundle %s: no process to try it out in: %w; see to it that %s can be started", dir, end, t.Command[0])
	}
	at := manifestFile
	var last event
	for lines := json.NewDecoder(&stdout.kept); lines.More(); {
		last = event{}
		if lines.Decode(&last) != nil {
			break
		}
		if last.At != "" {
			at = last.At
		}
		if last.Report != "" {
			tried.report = append(tried.report, last.Report)
		}
	}
	switch {
	case last.Error != "":
		return tried, cmd.ProcessState, errors.New(last.Error)
	case end == nil && last.Digest != "":
		tried.passed = last
		return tried, cmd.ProcessState, nil
	}
	return tried, cmd.ProcessState, fmt.Errorf("bundle %s: %s: %s", dir, at, t.describeEnd(cmd.ProcessState, stderr.kept.String(), ctx.Err() != nil))
}

// describeEnd says how a trial without a result ended, and the remedy.
func (t *Trial) describeEnd(state *os.ProcessState, stderr string, late bool) string {
	const remedy = "the file is damaged or made to do harm: " + rewrite
	words, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	switch {
	case late || state.ExitCode() == exitLate:
		return fmt.Sprintf("no end after %v of the processor's time, in a process of its own that tried it out; %s", t.Limits.CPU, remedy)
	case isOutOfMemory(stderr):
		return t.Limits.memoryExceeded(words)
	}
	return fmt.Sprintf("ended a process of its own that tried it out: %v (%.200q); %s", state, words, remedy)
}

// firstBytes keeps the first megabyte that is written.
type firstBytes struct{ kept bytes.Buffer }

// Write accepts all bytes and keeps those that there is room for.
func (h *firstBytes) Write(p []byte) (int, error) {
	const most = 1 << 20
	h.kept.Write(p[:min(len(p), max(0, most-h.kept.Len()))])
	return len(p), nil
}
