package main

import (
	"go/ast"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// lockTypes are types of fields that more than one goroutine uses.
var lockTypes = regexp.MustCompile(`^\*?(sync\.(Mutex|RWMutex|Once|Pool|Map)|semaphore\.Weighted|atomic\.\w+(\[.*\])?)$`)

// Every lock, semaphore and atomic value of the product is in DESIGN.md's table, and the
// table names none that is gone.
func TestDesignListsEveryLock(t *testing.T) {
	there := map[string]bool{}
	eachGoFile(t, 0, func(f goFile) {
		if testRooms[f.room] {
			return
		}
		for _, name := range locksOf(f.parsed) {
			there[name] = true
		}
	})
	text, err := os.ReadFile(filepath.Join(repositoryRoot(t), "DESIGN.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Locks\n")
	section, _, _ = strings.Cut(section, "\n## ")
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z]+\\.\\w+\\.\\w+)`").FindAllStringSubmatch(section, -1) {
		listed[m[1]] = true
		if !there[m[1]] {
			t.Errorf("DESIGN.md lists the lock %s, which the code does not have", m[1])
		}
	}
	for name := range there {
		if !listed[name] {
			t.Errorf("DESIGN.md's table of locks lacks %s", name)
		}
	}
}

// testRooms serve tests and developers alone.
var testRooms = map[string]bool{"internal/await": true, "internal/faultproxy": true, "internal/kafkatest": true, "internal/process": true, "bench/faults": true, "scripts/gotest": true, "scripts/mutate": true}

// locksOf names the locks of a file: package, type or variable, field.
func locksOf(file *ast.File) (names []string) {
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			var owner string
			var of ast.Expr
			switch s := spec.(type) {
			case *ast.TypeSpec:
				owner, of = s.Name.Name, s.Type
			case *ast.ValueSpec:
				owner, of = s.Names[0].Name, s.Type
			}
			s, ok := of.(*ast.StructType)
			if !ok {
				continue
			}
			for _, f := range s.Fields.List {
				if !lockTypes.MatchString(types.ExprString(f.Type)) {
					continue
				}
				for _, name := range f.Names {
					names = append(names, file.Name.Name+"."+owner+"."+name.Name)
				}
			}
		}
	}
	return names
}
