package main

import (
	"slices"
	"strings"

	"github.com/serveflow/serveflow/workbench/annotate"
)

// kindNames lists the kinds of sources.
func kindNames() string {
	var names []string
	for _, kind := range annotate.Kinds() {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}

// readLabelSource reads KIND:FILE.
func readLabelSource(text string) (labelSource, error) {
	kind, file, ok := strings.Cut(text, ":")
	if !ok || file == "" {
		return labelSource{}, argumentError("--from %s: write KIND:FILE, such as conn:conn.log", text)
	}
	if !slices.Contains(annotate.Kinds(), annotate.Kind(kind)) {
		return labelSource{}, argumentError("--from %s: %q is no kind of source; it is one of %s", text, kind, kindNames())
	}
	return labelSource{annotate.Kind(kind), file}, nil
}

// check refuses what would only fail once everything was read.
func (a *labelOptions) check(records []string) error {
	if len(a.sources) == 0 && a.rest == "" {
		return argumentError("name a source of labels: --from KIND:FILE")
	}
	for _, text := range a.sources {
		source, err := readLabelSource(text)
		if err != nil {
			return err
		}
		a.from = append(a.from, source)
	}
	if a.rest != "" {
		if err := annotate.CheckLabel(a.rest); err != nil {
			return argumentError("--rest: %w", err)
		}
	}
	for _, file := range records {
		if a.splits && file == "-" {
			return argumentError("--splits: standard input has no name; name a file, such as train.log")
		}
		if a.splits && annotate.Split(file) == "" {
			return argumentError("--splits: %s has no name before the first dot; call it after its part, such as train.log", file)
		}
	}
	if a.unmatched == "-" {
		return argumentError("--unmatched -: name a file")
	}
	if a.slack < 0 {
		return argumentError("--slack %v: choose 0s or more", a.slack)
	}
	if a.window < 0 {
		return argumentError("--dns-window %v: choose 0s or more", a.window)
	}
	files := append(append([]string(nil), records...), a.macs...)
	for _, source := range a.from {
		files = append(files, source.file)
	}
	inputs := 0
	for _, file := range files {
		if file == "-" {
			inputs++
		} else if file == a.out || file == a.unmatched {
			return argumentError("%s is read and would be written: name another file", file)
		}
	}
	if inputs > 1 {
		return argumentError("- is named %d times: standard input can be read once", inputs)
	}
	return present(files)
}
