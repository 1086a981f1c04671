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

// arrows is which packages of ours each may import: the table in DESIGN.md.
var arrows = map[string][]string{
	"consumer":            {"consumer/fetch", "flow", "flow/zeek", "internal/brokers"},
	"consumer/fetch":      {},
	"flow/zeek":           {},
	"flow":                {"flow/zeek"},
	"flow/capture":        {"flow/zeek"},
	"cascade":             {"flow", "cascade/nprint"},
	"cascade/nprint":      {"flow", "flow/zeek", "internal/nearest"},
	"cascade/gbdt":        {},
	"cascade/onnx":        {},
	"cascade/bundle":      {"cascade/gbdt", "cascade/onnx", "cascade/nprint"},
	"sink":                {"cascade", "internal/brokers"},
	"ship":                {"sink", "flow/zeek", "flow/capture"},
	"doctor":              {"flow/zeek", "internal/brokers"},
	"internal/nearest":    {},
	"internal/brokers":    {},
	"internal/process":    {},
	"internal/faultproxy": {},
	"internal/kafkatest":  {"internal/process"},
	"bench/faults":        {"flow/zeek", "internal/kafkatest", "internal/process"},
	"cmd/serveflow/demo":  {"sink", "flow/zeek"},
	"cmd/serveflow": {"consumer", "flow/zeek", "flow", "flow/capture", "cascade", "cascade/nprint",
		"cascade/bundle", "sink", "ship", "doctor", "internal/brokers", "internal/nearest", "cmd/serveflow/demo"},
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
