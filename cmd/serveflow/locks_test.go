package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
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
	root := repositoryRoot(t)
	there := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch rel, _ := filepath.Rel(root, file); {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && file != root || testRooms[filepath.ToSlash(rel)]):
			return filepath.SkipDir
		case !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err == nil {
			for _, name := range locksOf(parsed) {
				there[name] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "DESIGN.md"))
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
var testRooms = map[string]bool{"internal/faultproxy": true, "internal/kafkatest": true, "internal/process": true, "bench": true, "scripts": true, "testdata": true}

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
