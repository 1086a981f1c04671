package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// mutant is a source file with one place changed.
type mutant struct {
	path       string // from the module's root
	line       int
	column     int
	source     string // the line, without the space around it
	what       string // what was changed
	start, end int    // the bytes that text takes the place of
	text       string
}

func (m mutant) compare(n mutant) int {
	return cmp.Or(cmp.Compare(m.path, n.path), cmp.Compare(m.line, n.line), cmp.Compare(m.column, n.column))
}

var swapped = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD,
}

// finder collects a file's mutants. It passes over what is only logging, panics,
// constants counted by iota, sizes of arrays, capacities given to make, a
// histogram's buckets, and numbers of time units, which only a stopwatch would
// tell apart.
type finder struct {
	path  string
	src   []byte
	files *token.FileSet
	skip  map[ast.Node]bool
	seen  map[string]int
	found []mutant
}

func findMutants(path string, src []byte) ([]mutant, error) {
	f := finder{path: path, src: src, files: token.NewFileSet(), skip: map[ast.Node]bool{}, seen: map[string]int{}}
	file, err := parser.ParseFile(f.files, path, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	ast.Inspect(file, f.visit)
	return f.found, nil
}

func (f *finder) visit(n ast.Node) bool {
	if f.skip[n] {
		return false
	}
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok != token.CONST || !strings.Contains(f.text(n), "iota")
	case *ast.ArrayType:
		f.skip[n.Len] = n.Len != nil
	case *ast.KeyValueExpr:
		return f.text(n.Key) != "Buckets"
	case *ast.CallExpr:
		f.capacity(n)
		return !logs(n)
	case *ast.FuncDecl:
		f.returns(n.Type, n.Body)
	case *ast.FuncLit:
		f.returns(n.Type, n.Body)
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
	case *ast.CommClause:
		f.statements(n.Body)
	case *ast.IfStmt:
		f.negate(n.Cond, "condition")
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.BasicLit:
		if v, err := strconv.ParseInt(n.Value, 0, 64); n.Kind == token.INT && err == nil {
			f.add(n, strconv.FormatInt(v+1, 10), fmt.Sprintf("%s becomes %d", n.Value, v+1))
		}
	}
	return true
}

func (f *finder) binary(n *ast.BinaryExpr) {
	for _, pair := range [][2]ast.Expr{{n.X, n.Y}, {n.Y, n.X}} {
		if literal, ok := pair[0].(*ast.BasicLit); ok {
			f.skip[literal] = n.Op == token.MUL && strings.HasPrefix(f.text(pair[1]), "time.")
			if literal.Kind == token.STRING && n.Op == token.ADD {
				return
			}
		}
	}
	if to, ok := swapped[n.Op]; ok {
		start := f.offset(n.OpPos)
		what := fmt.Sprintf("%s becomes %s in %s", n.Op, to, f.short(n))
		f.addAt(n.OpPos, start, start+len(n.Op.String()), to.String(), what)
	}
}

// negate turns what is true or false around, but for what a swapped operator
// turns already.
func (f *finder) negate(e ast.Expr, role string) {
	if b, ok := e.(*ast.BinaryExpr); ok && (b.Op == token.EQL || b.Op == token.NEQ) {
		return
	}
	f.add(e, "!("+f.text(e)+")", role+" negated: "+f.short(e))
}

// returns negates what a function returns as a bool.
func (f *finder) returns(of *ast.FuncType, body *ast.BlockStmt) {
	if of.Results == nil || body == nil {
		return
	}
	var bools []bool
	for _, field := range of.Results.List {
		name, ok := field.Type.(*ast.Ident)
		for range max(1, len(field.Names)) {
			bools = append(bools, ok && name.Name == "bool")
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		r, ok := n.(*ast.ReturnStmt)
		for i := 0; ok && len(r.Results) == len(bools) && i < len(bools); i++ {
			if bools[i] {
				f.negate(r.Results[i], "result")
			}
		}
		_, inner := n.(*ast.FuncLit)
		return !inner
	})
}

// statements drops one statement at a time. It stays in the text, where it is
// never run, so that what it names is used still.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			if call, ok := s.X.(*ast.CallExpr); ok && logs(call) {
				continue
			}
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE || strings.HasPrefix(f.text(s), "_ =") {
				continue
			}
		case *ast.IncDecStmt, *ast.SendStmt, *ast.GoStmt, *ast.DeferStmt:
		default:
			continue
		}
		f.add(s, "if false { "+f.text(s)+" }", "dropped: "+f.short(s))
	}
}

// capacity passes over the room that make is told to take in advance.
func (f *finder) capacity(call *ast.CallExpr) {
	if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "make" {
		return
	}
	if _, isMap := call.Args[0].(*ast.MapType); isMap && len(call.Args) == 2 {
		f.skip[call.Args[1]] = true
	}
	if len(call.Args) == 3 {
		f.skip[call.Args[2]] = true
	}
}

// logs reports whether a call only writes a log line, or panics.
func logs(call *ast.CallExpr) bool {
	named := func(e ast.Expr, names ...string) bool {
		if s, ok := e.(*ast.SelectorExpr); ok {
			e = s.Sel
		}
		name, ok := e.(*ast.Ident)
		return ok && (name.Name == names[0] || name.Name == names[len(names)-1])
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	return ok && named(method.X, "log", "Log") && method.Sel.Name != "With" || !ok && named(call.Fun, "panic")
}

func (f *finder) add(n ast.Node, text, what string) {
	f.addAt(n.Pos(), f.offset(n.Pos()), f.offset(n.End()), text, what)
}

func (f *finder) addAt(pos token.Pos, start, end int, text, what string) {
	at := f.files.Position(pos)
	source, _, _ := strings.Cut(string(f.src[at.Offset-at.Column+1:]), "\n")
	key := fmt.Sprint(at.Line, what)
	if f.seen[key]++; f.seen[key] > 1 {
		what = fmt.Sprintf("%s (%d)", what, f.seen[key])
	}
	f.found = append(f.found, mutant{path: f.path, line: at.Line, column: at.Column,
		source: strings.TrimSpace(source), what: what, start: start, end: end, text: text})
}

func (f *finder) offset(p token.Pos) int { return f.files.Position(p).Offset }

func (f *finder) text(n ast.Node) string {
	return string(f.src[f.offset(n.Pos()):f.offset(n.End())])
}

// short is a node's text on one line, cut where it is long.
func (f *finder) short(n ast.Node) string {
	text := strings.Join(strings.Fields(f.text(n)), " ")
	if len(text) > 60 {
		text = text[:57] + "..."
	}
	return text
}
