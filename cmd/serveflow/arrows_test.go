package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/serveflow/serveflow"

// arrows is which packages of ours each may import: the map in DESIGN.md.
var arrows = map[string][]string{
	"flow":              {"flow/zeek", "internal/delivery"},
	"flow/zeek":         {},
	"flow/zeek/logfile": {"flow/zeek"},
	"flow/merge":        {"flow", "flow/zeek"},
	"flow/capture":      {"flow/zeek", "internal/decompress"},

	"consumer": {"consumer/assembler", "consumer/fetch", "consumer/group", "consumer/offset", "consumer/partition", "consumer/rekey",
		"flow", "flow/zeek", "internal/brokers"},
	"consumer/assembler": {"flow", "flow/zeek", "internal/delivery"},
	"consumer/fetch":     {},
	"consumer/group":     {"internal/backoff", "internal/brokers"},
	"consumer/offset":    {"internal/brokers", "internal/delivery"},
	"consumer/partition": {"consumer/fetch", "consumer/offset", "flow/zeek", "internal/backoff", "internal/brokers", "internal/delivery"},
	"consumer/rekey":     {"flow/merge", "flow/zeek", "internal/delivery"},

	"cascade":        {"cascade/nprint", "flow", "internal/delivery"},
	"cascade/nprint": {"flow", "flow/zeek", "internal/nearest"},
	"cascade/gbdt":   {},
	"cascade/onnx":   {},
	"cascade/bundle": {"cascade/gbdt", "cascade/onnx", "cascade/nprint"},

	"sink":            {"cascade", "internal/delivery", "sink/producer"},
	"sink/producer":   {"internal/brokers", "internal/delivery"},
	"sink/deadletter": {"internal/delivery", "sink/producer"},

	"ship":   {"flow/merge", "flow/zeek", "flow/zeek/logfile", "internal/decompress", "internal/delivery", "sink/producer"},
	"doctor": {"consumer/group", "flow/zeek", "internal/brokers"},

	"internal/admin":       {},
	"internal/await":       {},
	"internal/backoff":     {},
	"internal/brokers":     {},
	"internal/decompress":  {},
	"internal/delivery":    {},
	"internal/faultproxy":  {},
	"internal/kafkatest":   {"internal/needs", "internal/process"},
	"internal/lab":         {},
	"internal/memory":      {},
	"internal/metricstest": {},
	"internal/nearest":     {},
	"internal/needs":       {},
	"internal/preflight":   {"internal/brokers"},
	"internal/process":     {},

	"scripts/gotest": {},
	"scripts/mutate": {},

	"bench/faults": {"flow/zeek", "internal/kafkatest", "internal/process"},

	"cmd/serveflow/demo": {"sink", "sink/producer", "flow/zeek", "internal/delivery"},
	"cmd/serveflow": {"consumer", "consumer/assembler", "consumer/group", "flow", "flow/zeek", "flow/zeek/logfile", "flow/capture", "cascade", "cascade/nprint",
		"cascade/bundle", "sink", "sink/producer", "sink/deadletter", "ship", "doctor", "internal/admin", "internal/brokers",
		"internal/decompress", "internal/delivery", "internal/memory", "internal/nearest", "internal/preflight", "cmd/serveflow/demo"},
}

func TestImportsPointOneWay(t *testing.T) {
	root := repositoryRoot(t)
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && file != root:
			return filepath.SkipDir
		case !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		checkImports(t, rel, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImports(t *testing.T, rel, file string) {
	from := filepath.ToSlash(filepath.Dir(rel))
	if strings.Contains(from, "testdata") || path.Base(from) == "onnxtest" {
		return
	}
	allowed, ok := arrows[from]
	if !ok {
		t.Errorf("%s: the package is not in DESIGN.md's map", rel)
		return
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, spec := range parsed.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		to, ours := strings.CutPrefix(name, module+"/")
		if ours && !slices.Contains(allowed, to) {
			t.Errorf("%s imports %s, which DESIGN.md's map does not allow", rel, to)
		}
	}
}
