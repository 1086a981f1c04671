package main

import (
	"fmt"
	"os"
	"strings"
)

// readEquivalent reads the names of mutants that no test can kill. An entry has
// three lines or more, and a blank line or a comment ends it:
//
//	flow/table.go: < becomes <= in n < limit
//		if n < limit {
//		the reason why both behave the same
//
// The line's text stands for its number, so that edits elsewhere in the file
// leave the entry true.
func readEquivalent(file string) (map[string]bool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{} // true once such a mutant has been found
	var entry []string
	for i, line := range strings.Split(string(text)+"\n", "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line != "" && !strings.HasPrefix(line, "#"):
			entry = append(entry, line)
		case len(entry) == 1 || len(entry) == 2:
			return nil, fmt.Errorf("%s:%d: an entry has the file with the change, the source line, and the reason", file, i)
		case len(entry) > 2:
			names[entry[0]+"\n\t"+entry[1]] = false
			entry = nil
		}
	}
	return names, nil
}

// name is what equivalent.txt calls the mutant.
func (m mutant) name() string { return m.path + ": " + m.what + "\n\t" + m.source }
