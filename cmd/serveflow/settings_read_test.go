package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// onlyChecks are the functions that look at settings whatever the command: they fill
// defaults in and compare. What they look at changes nothing else that a command does.
var onlyChecks = []string{"loadSettings", "Settings.validate", "Settings.validateWithCascade", "Settings.setFor", "Settings.retask", "Settings.rekey",
	"Settings.checkTopics", "Settings.runTopics"}

// settingsCode is what the code of this package does with settings, by function: a
// method's name has its type in front.
type settingsCode struct {
	uses map[string]map[string]bool // the functions that it calls or hands on
	gets map[string]map[string]bool // the fields that it reads, by type and name
	sets map[string]map[string]bool // the fields that it always writes
}

// noImports leaves what other packages declare unknown: no setting is declared there.
type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not needed") }

// readSettingsCode looks through files of one package.
func readSettingsCode(fset *token.FileSet, files []*ast.File) *settingsCode {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	conf := types.Config{Importer: noImports{}, Error: func(error) {}}
	pkg, _ := conf.Check("main", fset, files, info)
	code := &settingsCode{uses: map[string]map[string]bool{}, gets: map[string]map[string]bool{}, sets: map[string]map[string]bool{}}
	for _, file := range files {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
				code.read(pkg, info, f)
			}
		}
	}
	return code
}

func (c *settingsCode) read(pkg *types.Package, info *types.Info, f *ast.FuncDecl) {
	name := f.Name.Name
	if f.Recv != nil {
		name = strings.TrimPrefix(types.ExprString(f.Recv.List[0].Type), "*") + "." + name
	}
	uses, gets, sets := map[string]bool{}, map[string]bool{}, map[string]bool{}
	c.uses[name], c.gets[name], c.sets[name] = uses, gets, sets
	written := map[ast.Node]bool{}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, to := range n.Lhs {
				written[to] = n.Tok == token.ASSIGN
				field, pointer := settingsField(info, to)
				if field != "" && pointer && written[to] && slices.Contains(f.Body.List, ast.Stmt(n)) {
					sets[field] = true
				}
			}
		case *ast.SelectorExpr:
			if field, _ := settingsField(info, n); field != "" && !written[n] {
				gets[field] = true
			}
		case *ast.Ident:
			for _, used := range functionsOf(pkg, info.Uses[n]) {
				uses[used] = true
			}
		}
		return true
	})
}

// settingsField names the field of the settings, or of a group of them, that is selected,
// and says whether that is by a pointer and so not of a copy.
func settingsField(info *types.Info, e ast.Expr) (field string, pointer bool) {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok || info.Selections[selector] == nil || info.Selections[selector].Kind() != types.FieldVal {
		return "", false
	}
	recv := info.Selections[selector].Recv()
	_, pointer = recv.(*types.Pointer)
	owner := types.TypeString(recv, func(*types.Package) string { return "" })
	if owner = strings.TrimPrefix(owner, "*"); !slices.Contains([]string{"Settings", "tlsSettings", "saslSettings"}, owner) {
		return "", false
	}
	return owner + "." + selector.Sel.Name, pointer
}

// functionsOf gives the functions that may run where a name stands: itself, or all methods
// of a type, which may be called by an interface. Those of Settings are called by name.
func functionsOf(pkg *types.Package, object types.Object) (names []string) {
	if object == nil || object.Pkg() != pkg {
		return nil
	}
	switch object := object.(type) {
	case *types.Func:
		if recv := object.Signature().Recv(); recv != nil {
			owner := types.TypeString(recv.Type(), func(*types.Package) string { return "" })
			return []string{strings.TrimPrefix(owner, "*") + "." + object.Name()}
		}
		return []string{object.Name()}
	case *types.TypeName:
		named, ok := object.Type().(*types.Named)
		if !ok || object.Name() == "Settings" {
			return nil
		}
		for method := range named.Methods() {
			names = append(names, object.Name()+"."+method.Name())
		}
	}
	return names
}

// from gives the fields that are read from a function on, and not only checked.
func (c *settingsCode) from(function string) (fields []string) {
	seen, todo := map[string]bool{function: true}, []string{function}
	gets, sets := map[string]bool{}, map[string]bool{}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		maps.Copy(gets, c.gets[name])
		maps.Copy(sets, c.sets[name])
		for used := range c.uses[name] {
			if !seen[used] && !slices.Contains(onlyChecks, used) {
				seen[used] = true
				todo = append(todo, used)
			}
		}
	}
	for field := range gets {
		if !sets[field] {
			fields = append(fields, field)
		}
	}
	slices.Sort(fields)
	return fields
}

// settingOf gives the setting of each field of Settings, by type and name.
func settingOf(t *testing.T) map[string]string {
	t.Helper()
	var fields []string
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		for field := range of.Fields() {
			if field.Type.Kind() == reflect.Struct && field.Type.PkgPath() == of.PkgPath() {
				walk(field.Type)
			} else {
				fields = append(fields, of.Name()+"."+field.Name)
			}
		}
	}
	walk(reflect.TypeFor[Settings]())
	names, all := knownSettings(), map[string]string{}
	if len(fields) != len(names) {
		t.Fatalf("%d fields and %d settings", len(fields), len(names))
	}
	for i, field := range fields {
		all[field] = names[i]
	}
	return all
}

// readSettings gives the settings that each command reads, as its code says.
func readSettings(t *testing.T) map[string][]string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(repositoryRoot(t), "cmd", "serveflow", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset, files := token.NewFileSet(), []*ast.File(nil)
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	code, setting, reads := readSettingsCode(fset, files), settingOf(t), map[string][]string{}
	for _, c := range commands() {
		_, function, _ := strings.Cut(filepath.Base(runtime.FuncForPC(reflect.ValueOf(c.run).Pointer()).Name()), ".")
		if code.uses[function] == nil {
			t.Fatalf("%s: its function %s is not in the code", c.name, function)
		}
		for _, field := range code.from(function) {
			if name := setting[field]; name != "" {
				reads[c.name] = append(reads[c.name], name)
			}
		}
		slices.Sort(reads[c.name])
	}
	return reads
}

// settings_read.go lists the settings that each command's code reads, and each setting is
// read by some command: go test -run Help -update writes it anew.
func TestHelpListsTheSettingsThatAreRead(t *testing.T) {
	reads := readSettings(t)
	var b strings.Builder
	b.WriteString("// Code generated from the commands' code by make golden; DO NOT EDIT.\n\npackage main\n\n" +
		"// settingsRead gives the settings that each command reads, in order of their names.\nfunc settingsRead() map[string][]string {\n\treturn map[string][]string{\n")
	for _, name := range slices.Sorted(maps.Keys(reads)) {
		fmt.Fprintf(&b, "%q: {\n", name)
		for _, setting := range reads[name] {
			fmt.Fprintf(&b, "%q,\n", setting)
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n}\n")
	source, err := format.Source([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	compareHelp(t, filepath.Join(repositoryRoot(t), "cmd", "serveflow", "settings_read.go"), string(source))
	for _, name := range knownSettings() {
		if !slices.ContainsFunc(slices.Collect(maps.Values(reads)), func(of []string) bool { return slices.Contains(of, name) }) {
			t.Errorf("no command reads %s", name)
		}
	}
}

// What is read in a closure that another package calls, by a method behind an interface,
// or of a copy is found; what is only checked, or always written before, is not.
func TestHelpFindsEverySettingInTheCode(t *testing.T) {
	const source = `package main
import "example.com/far"
type Settings struct { Closure, Behind, Copied, Checked, Written, Perhaps, Other far.Kind; TLS tlsSettings }
type tlsSettings struct { CAFile string }
type part struct { s *Settings }
func (p part) run() { p.s.more() }
func (s *Settings) more() { far.Use(s.Behind, s.TLS.CAFile) }
func (s *Settings) validate() { far.Use(s.Checked) }
func (s *Settings) other() { far.Use(s.Other) }
func load() (*Settings, error) { s := &Settings{}; s.validate(); return s, nil }
func command() {
	s, _ := load()
	s.Written = far.Value
	if far.True { s.Perhaps = far.Value }
	far.Go(func() error { return far.Use(s.Closure) })
	copied := *s
	copied.Copied = far.Value + s.Copied
	far.Use(s.Written, s.Perhaps)
	far.Run(part{s})
}`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "source.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := readSettingsCode(fset, []*ast.File{file}).from("command")
	want := []string{"Settings.Behind", "Settings.Closure", "Settings.Copied", "Settings.Perhaps", "Settings.TLS", "tlsSettings.CAFile"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
