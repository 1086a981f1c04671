package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type outcome int

const (
	killed     outcome = iota
	late               // killed, in that the tests ran out of time
	survived           // all tests pass
	broken             // does not compile
	equivalent         // not tried, as equivalent.txt names it
	stopped            // not tried to the end, as the program was told to stop
)

// lab builds and tests mutants of a package. It works on a copy of the package's
// files, taken at the start, which the compiler reads as an overlay: the working
// tree is not written, and may be edited meanwhile.
type lab struct {
	o       options
	root    string            // the module's
	work    string            // a folder for what is built
	sources map[string][]byte // the package's files, tests too, by their full names
	mutable []string          // those of sources that are mutated
	tests   []testPackage
}

type testPackage struct {
	path, dir string
	limit     time.Duration
}

// newLab runs the tests on the original, which must pass.
func newLab(ctx context.Context, o options) (*lab, error) {
	const fields = `{{.ImportPath}}|{{.Dir}}|{{with .Module}}{{.Dir}}{{end}}|{{range .GoFiles}}{{.}} {{end}}{{range .CgoFiles}}{{.}} {{end}}`
	list := exec.CommandContext(ctx, "go", append([]string{"list", "-f", fields, o.pkg}, o.tests...)...)
	list.Stderr = os.Stderr
	text, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", o.pkg, err)
	}
	l := &lab{o: o, sources: map[string][]byte{}}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		field := strings.Split(line, "|")
		l.tests = append(l.tests, testPackage{path: field[0], dir: field[1], limit: o.timeout})
		if i > 0 {
			continue
		}
		l.root = field[2]
		if err := l.read(field[1], strings.Fields(field[3])); err != nil {
			return nil, err
		}
	}
	if l.work, err = os.MkdirTemp("", "mutate-"); err != nil {
		return nil, err
	}
	for i, p := range l.tests {
		start := time.Now()
		if output, err := l.test(ctx, l.work, mutant{}, p); err != nil {
			l.close()
			return nil, fmt.Errorf("%s, not mutated: %w\n%s", p.path, err, output)
		}
		l.tests[i].limit = min(p.limit, 10*time.Second+5*time.Since(start))
	}
	return l, nil
}

func (l *lab) close() { _ = os.RemoveAll(l.work) }

func (l *lab) read(dir string, mutable []string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if l.sources[name], err = os.ReadFile(name); err != nil {
			return err
		}
	}
	for _, name := range mutable {
		if l.o.files.MatchString(name) {
			l.mutable = append(l.mutable, filepath.Join(dir, name))
		}
	}
	return nil
}

// holds reports whether the name in equivalent.txt is of a file that is mutated.
func (l *lab) holds(name string) bool {
	path, _, _ := strings.Cut(name, ":")
	for _, file := range l.mutable {
		if file == filepath.Join(l.root, path) {
			return true
		}
	}
	return false
}

func (l *lab) mutants() ([]mutant, error) {
	var all []mutant
	for _, name := range l.mutable {
		path, err := filepath.Rel(l.root, name)
		if err != nil {
			return nil, err
		}
		found, err := findMutants(filepath.ToSlash(path), l.sources[name])
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (l *lab) try(ctx context.Context, m mutant) outcome {
	dir, err := os.MkdirTemp(l.work, "")
	if err != nil {
		return stopped
	}
	defer os.RemoveAll(dir)
	for _, p := range l.tests {
		_, err := l.test(ctx, dir, m, p)
		switch {
		case ctx.Err() != nil:
			return stopped
		case errors.As(err, new(*buildError)):
			return broken
		case errors.Is(err, context.DeadlineExceeded):
			return late
		case err != nil:
			return killed
		}
	}
	return survived
}

type buildError struct{ error }

// test builds a package's tests in dir and runs them for p.limit.
func (l *lab) test(ctx context.Context, dir string, m mutant, p testPackage) ([]byte, error) {
	overlay, err := l.overlay(dir, m)
	if err != nil {
		return nil, &buildError{err}
	}
	// In the environment it is also for what the tests themselves build.
	environment := append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+overlay)
	binary := filepath.Join(dir, "test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary, p.path)
	build.Dir, build.Env = l.root, environment
	if output, err := build.CombinedOutput(); err != nil {
		return output, &buildError{err}
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, nil // the package has no tests
	}
	defer os.Remove(binary)

	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	capped := fmt.Sprintf(`ulimit -d %d && exec "$0" "$@"`, l.o.memory<<10)
	run := exec.CommandContext(ctx, "sh", "-c", capped, binary, "-test.failfast", "-test.paniconexit0", "-test.run", l.o.run)
	run.Dir, run.Env = p.dir, environment
	var output head
	run.Stdout, run.Stderr, run.WaitDelay = &output, &output, time.Second
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	run.Cancel = func() error { return syscall.Kill(-run.Process.Pid, syscall.SIGKILL) }
	err = run.Run()
	if run.Process != nil {
		_ = syscall.Kill(-run.Process.Pid, syscall.SIGKILL) // what the tests left running
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return output.text, err
}

// overlay writes the package's files to dir, one of them changed as m says, and
// has the go command read them in place of the tree's.
func (l *lab) overlay(dir string, m mutant) (string, error) {
	replace := map[string]string{}
	for name, src := range l.sources {
		if name == filepath.Join(l.root, m.path) {
			src = slices.Concat(src[:m.start], []byte(m.text), src[m.end:])
		}
		replace[name] = filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(replace[name], src, 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// head keeps the start of what a test writes, which may be without end.
type head struct{ text []byte }

func (h *head) Write(p []byte) (int, error) {
	if len(h.text) < 64<<10 {
		h.text = append(h.text, p...)
	}
	return len(p), nil
}
