package main

import (
	"fmt"
	"io"
	"regexp"
)

// failureLines are the lines of a failed test that its summary has, and failureWidth
// are the bytes of each.
const failureLines, failureWidth = 5, 500

// failure is a failed test with the first lines that it logged.
type failure struct {
	test  string
	lines []string
}

// list prints the failed tests.
func list(failures []failure, out io.Writer) {
	for _, f := range failures {
		fmt.Fprintf(out, "failed: %s\n", f.test)
		for _, line := range f.lines {
			fmt.Fprintf(out, "\t%s\n", line[:min(len(line), failureWidth)])
		}
	}
}

var loggedLine = regexp.MustCompile(`(?m)^ +[^ ]+\.go:\d+: (.*)$`)

// logged returns the lines that a test logged, without their places.
func logged(output string) (lines []string) {
	for _, found := range loggedLine.FindAllStringSubmatch(output, -1) {
		lines = append(lines, found[1])
	}
	return lines
}

// reason is the last line that a skipped test logged.
func reason(output string) string {
	if lines := logged(output); len(lines) > 0 {
		return lines[len(lines)-1]
	}
	return "no reason given"
}
