package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// goFile is one of the product's files, parsed.
type goFile struct {
	room   string // its folder below the repository's root
	name   string
	fset   *token.FileSet
	parsed *ast.File
}

// eachGoFile gives the product's files to do: without tests, and without the packages
// that serve tests alone and are no room (testdata, onnxtest).
func eachGoFile(t *testing.T, mode parser.Mode, do func(f goFile)) {
	t.Helper()
	root := repositoryRoot(t)
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(name, ".") && file != root || name == "testdata" || name == "onnxtest"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, file, nil, mode)
		if err != nil {
			return err
		}
		room, err := filepath.Rel(root, filepath.Dir(file))
		do(goFile{room: filepath.ToSlash(room), name: d.Name(), fset: fset, parsed: parsed})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
