// Command gotest runs go test, with a summary of what was skipped. It takes go
// test's arguments, prints what go test prints, and ends with the tests that were
// skipped, by reason:
//
//	go run ./scripts/gotest -race ./...
//	skipped: 5 tests: no labelled traffic in ../shared/data
//
// With SKIPPED=file in the environment it adds them to that file, one on a line
// as "reason<tab>test", so that several steps, other programs' too, have one
// list. Without arguments it prints the file's list.
//
// Tests that failed come last, with the first lines that each logged: where only the
// end of a long run is kept, that is enough to know why.
//
// With TESTS_MUST_NOT_SKIP=1 a skipped test is a failure, unless its reason
// begins with "on purpose".
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

func main() {
	ok, err := run(os.Args[1:], os.Getenv("SKIPPED"), os.Stdout)
	if err != nil {
		slog.Error("gotest: " + err.Error())
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run reports whether the tests pass.
func run(args []string, file string, out io.Writer) (ok bool, err error) {
	ok = true
	var skips []skip
	if len(args) > 0 {
		var failures []failure
		if skips, failures, ok, err = test(args, out); err != nil {
			return false, err
		}
		defer func() { list(failures, out) }()
	}
	switch {
	case file != "" && len(args) > 0:
		return ok, add(file, skips)
	case file != "":
		if skips, err = read(file); err != nil {
			return false, err
		}
	}
	allowed := summarize(skips, out)
	return ok && (allowed || os.Getenv("TESTS_MUST_NOT_SKIP") != "1"), nil
}

// test runs go test, and prints what it says.
func test(args []string, out io.Writer) (skips []skip, failures []failure, ok bool, err error) {
	command := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	command.Stderr = os.Stderr
	pipe, err := command.StdoutPipe()
	if err != nil {
		return nil, nil, false, err
	}
	if err := command.Start(); err != nil {
		return nil, nil, false, err
	}
	p := printer{out: out, verbose: slices.Contains(args, "-v"), written: map[testName]string{}}
	for lines := bufio.NewReader(pipe); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break // Wait says why
		}
		p.line(line)
	}
	return p.skips, p.failures, command.Wait() == nil, nil
}

// event is what go test -json says of a test, of a package, or of its build.
type event struct {
	Action, Package, Test, Output string
}

type testName struct{ pkg, test string }

// printer prints what go test would, and holds a test's output until its end.
type printer struct {
	out      io.Writer
	verbose  bool // print all tests' output at once
	written  map[testName]string
	skips    []skip
	failures []failure
}

func (p *printer) line(line []byte) {
	var e event
	switch err := json.Unmarshal(line, &e); {
	case err != nil:
		fmt.Fprintf(p.out, "%s", line)
	case e.Test != "":
		p.test(e)
	case e.Action == "fail":
		for _, name := range slices.SortedFunc(maps.Keys(p.written), testName.compare) {
			if name.pkg == e.Package && !p.verbose {
				fmt.Fprint(p.out, p.written[name]) // a panic or the end of the time cut it short
			}
		}
	case e.Output != "PASS\n":
		fmt.Fprint(p.out, e.Output)
	}
}

func (p *printer) test(e event) {
	name := testName{e.Package, e.Test}
	switch e.Action {
	case "output":
		p.written[name] += e.Output
		if p.verbose {
			fmt.Fprint(p.out, e.Output)
		}
		return
	case "fail":
		if !p.verbose {
			fmt.Fprint(p.out, p.written[name])
		}
		if lines := logged(p.written[name]); len(lines) > 0 { // else a subtest says it
			p.failures = append(p.failures, failure{path.Base(e.Package) + "." + e.Test, lines[:min(len(lines), failureLines)]})
		}
	case "skip":
		p.skips = append(p.skips, skip{reason(p.written[name]), path.Base(e.Package) + "." + e.Test})
	case "pass":
	default:
		return
	}
	delete(p.written, name)
}

func (n testName) compare(m testName) int {
	return cmp.Or(strings.Compare(n.pkg, m.pkg), strings.Compare(n.test, m.test))
}
