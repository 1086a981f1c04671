package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// purpose begins the reason of a test that is skipped even where none may be.
const purpose = "on purpose"

type skip struct{ reason, test string }

func add(file string, skips []skip) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	for _, s := range skips {
		if _, err := fmt.Fprintf(f, "%s\t%s\n", s.reason, s.test); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

func read(file string) (skips []skip, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for line := range strings.Lines(string(text)) {
		reason, test, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		skips = append(skips, skip{reason, test})
	}
	return skips, err
}

// summarize prints how many tests were skipped for each reason, and reports whether
// all of them were on purpose.
func summarize(skips []skip, out io.Writer) (allowed bool) {
	if len(skips) == 0 {
		fmt.Fprintln(out, "skipped: none")
		return true
	}
	tests := map[string][]string{}
	allowed = true
	for _, s := range skips {
		if !slices.Contains(tests[s.reason], s.test) {
			tests[s.reason] = append(tests[s.reason], s.test)
		}
		allowed = allowed && strings.HasPrefix(s.reason, purpose)
	}
	for _, reason := range slices.Sorted(maps.Keys(tests)) {
		count := fmt.Sprintf("%d tests", len(tests[reason]))
		if len(tests[reason]) == 1 {
			count = tests[reason][0]
		}
		fmt.Fprintf(out, "skipped: %s: %s\n", count, reason)
	}
	return allowed
}
