package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wrapped are the interfaces that a type of ours embeds to change one of their methods.
var wrapped = []string{"error", "net.Conn", "net.Listener", "io.ReadCloser"}

// No type embeds another to reach its fields: a named field says whose they are.
func TestFieldsAreNamed(t *testing.T) {
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
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			s, ok := n.(*ast.StructType)
			if !ok {
				return true
			}
			for _, f := range s.Fields.List {
				if name := types.ExprString(f.Type); len(f.Names) == 0 && !slices.Contains(wrapped, name) {
					t.Errorf("%s embeds %s: give the field a name", fset.Position(f.Pos()), name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
