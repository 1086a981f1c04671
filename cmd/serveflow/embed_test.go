package main

import (
	"go/ast"
	"go/types"
	"slices"
	"testing"
)

// wrapped are the interfaces that a type of ours embeds to change one of their methods.
var wrapped = []string{"error", "net.Conn", "net.Listener", "io.ReadCloser"}

// No type embeds another to reach its fields: a named field says whose they are.
func TestFieldsAreNamed(t *testing.T) {
	eachGoFile(t, 0, func(f goFile) {
		ast.Inspect(f.parsed, func(n ast.Node) bool {
			s, ok := n.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range s.Fields.List {
				if name := types.ExprString(field.Type); len(field.Names) == 0 && !slices.Contains(wrapped, name) {
					t.Errorf("%s embeds %s: give the field a name", f.fset.Position(field.Pos()), name)
				}
			}
			return true
		})
	})
}
