package main

import (
	"fmt"
	"go/doc"
	"go/parser"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// house is what the code itself says of its rooms.
type house struct {
	about   map[string]string   // by room, the first sentence of its package's doc
	imports map[string][]string // by room, those of ours that it imports
}

// readHouse reads the product's packages.
func readHouse(t *testing.T) *house {
	h := &house{about: map[string]string{}, imports: map[string][]string{}}
	eachGoFile(t, parser.ParseComments|parser.ImportsOnly, func(f goFile) {
		if f.parsed.Doc != nil {
			h.about[f.room] = new(doc.Package).Synopsis(f.parsed.Doc.Text())
		}
		all := append(h.imports[f.room], ourImports(f.parsed)...)
		slices.Sort(all)
		h.imports[f.room] = slices.Compact(all)
	})
	return h
}

// draw gives the map of DESIGN.md: the imports of the rooms that records pass through as
// a picture, and every room in a table. cmd/serveflow imports nearly all of them, so it
// would hide the rest of the picture.
func (h *house) draw() string {
	var b strings.Builder
	b.WriteString("```mermaid\nflowchart TD\n")
	rooms := slices.Sorted(maps.Keys(h.imports))
	inPicture := func(room string) bool {
		return room != "cmd/serveflow" && !strings.HasPrefix(room, "internal/") && !strings.HasPrefix(room, "scripts/") && !strings.HasPrefix(room, "bench/")
	}
	for _, room := range rooms {
		for _, to := range h.imports[room] {
			if inPicture(room) && inPicture(to) {
				fmt.Fprintf(&b, "  %s --> %s\n", node(room), node(to))
			}
		}
	}
	b.WriteString("```\n\n| room | what it does | imports |\n| --- | --- | --- |\n")
	for _, room := range rooms {
		_, about, _ := strings.Cut(strings.TrimPrefix(h.about[room], "Package "), " ")
		if name, ok := strings.CutPrefix(h.about[room], "Command "); ok {
			_, about, _ = strings.Cut(name, " ")
		}
		imports := strings.Join(h.imports[room], "`, `")
		if imports != "" {
			imports = "`" + imports + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", room, strings.TrimSuffix(about, "."), imports)
	}
	return b.String()
}

// node is a room in the picture.
func node(room string) string {
	return strings.NewReplacer("/", "_").Replace(room) + "[" + room + "]"
}

const (
	mapBegins = "<!-- drawn from the imports by `make golden` -->\n"
	mapEnds   = "<!-- end of the drawn map -->\n"
)

// The map in DESIGN.md is what the code says: go test -run DesignMap -update draws it.
func TestDesignMapIsTrue(t *testing.T) {
	h := readHouse(t)
	file := filepath.Join(repositoryRoot(t), "DESIGN.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), mapBegins)
	drawn, after, ends := strings.Cut(rest, mapEnds)
	if !begins || !ends {
		t.Fatalf("DESIGN.md has no map between %q and %q", mapBegins, mapEnds)
	}
	want := h.draw()
	if *update {
		if err := os.WriteFile(file, []byte(before+mapBegins+want+mapEnds+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if drawn != want {
		t.Errorf("the map in DESIGN.md is not what the code says: make golden draws it anew; it should be\n%s", want)
	}
}

// A room that is described in one sentence without "and" is one room.
func TestEachRoomIsOne(t *testing.T) {
	h := readHouse(t)
	for room := range h.imports {
		switch about := h.about[room]; {
		case about == "":
			t.Errorf("%s: the package has no doc", room)
		case slices.Contains(strings.Fields(strings.ReplaceAll(about, ",", "")), "and"):
			t.Errorf("%s: %q: what are the two things, and can they part?", room, about)
		}
	}
}
