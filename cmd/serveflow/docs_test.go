package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docPages gives the Markdown pages of the repository, each by its path from the
// root, with what stands between fences left out.
func docPages(t *testing.T) map[string]string {
	t.Helper()
	root, pages := repositoryRoot(t), map[string]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "out"):
			return filepath.SkipDir // what make fetched, and the fault bench's tables
		case d.IsDir() || path.Ext(file) != ".md":
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		pages[filepath.ToSlash(rel)] = regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(string(text), "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 10 || pages["README.md"] == "" {
		t.Fatalf("only %d pages were found", len(pages))
	}
	return pages
}

// docAnchors gives the anchors of a page's headings, as GitHub names them.
func docAnchors(page string) []string {
	var anchors []string
	for _, heading := range regexp.MustCompile(`(?m)^#{1,6} +(.+?)\s*$`).FindAllStringSubmatch(page, -1) {
		anchor := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchor = strings.ReplaceAll(anchor, " ", "-")
		for again, name := 1, anchor; slices.Contains(anchors, anchor); again++ {
			anchor = fmt.Sprintf("%s-%d", name, again)
		}
		anchors = append(anchors, anchor)
	}
	return anchors
}

func TestLinksOfTheDocsLeadSomewhere(t *testing.T) {
	root, pages := repositoryRoot(t), docPages(t)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for page, text := range pages {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, hasAnchor := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := page
			if target != "" {
				to = path.Join(path.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, match[1])
			} else if hasAnchor && !slices.Contains(docAnchors(pages[to]), anchor) {
				t.Errorf("%s links to %s: %s has no such heading", page, match[1], to)
			}
		}
	}
}

// A name that ends in * stands for all settings that begin so.
func TestDocsNameOnlySettingsThatExist(t *testing.T) {
	known := knownSettings()
	for page := range docPages(t) {
		text, err := os.ReadFile(filepath.Join(repositoryRoot(t), page)) // with the fences
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`SERVEFLOW_[A-Z0-9_]*\*?`).FindAllString(string(text), -1) {
			start, all := strings.CutSuffix(name, "*")
			exists := slices.Contains(known, name) || all && slices.ContainsFunc(known, func(s string) bool { return strings.HasPrefix(s, start) })
			if !exists && name != "SERVEFLOW_" {
				t.Errorf("%s names %s, which is not a setting", page, name)
			}
		}
	}
}

// monitoring gives the alert rules, their tests and the dashboards, by path.
func monitoring(t *testing.T) map[string]string {
	files := map[string]string{}
	root := repositoryRoot(t)
	for _, pattern := range []string{"observe/prometheus/alerts*.yml", "observe/grafana/dashboards/*.json"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", pattern, names, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			rel, _ := filepath.Rel(root, name)
			files[rel] = string(text)
		}
	}
	return files
}

// A metric's name stands in the code as a whole, or behind the prefix of its consumer; a
// histogram has series of its own below its name.
func TestDocsNameOnlyMetricsThatExist(t *testing.T) {
	root := repositoryRoot(t)
	var code strings.Builder
	for _, folder := range []string{"cascade", "consumer", "internal/admin", "ship", "sink"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, _ fs.DirEntry, err error) error {
			if err != nil || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return err
			}
			text, err := os.ReadFile(file)
			code.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	pages := monitoring(t)
	for page, text := range docPages(t) {
		if page == "README.md" || page == "DESIGN.md" || path.Dir(page) == "docs" {
			pages[page] = text
		}
	}
	for page, text := range pages {
		for _, name := range regexp.MustCompile(`\bserveflow_\w+`).FindAllString(text, -1) {
			seen++
			name = regexp.MustCompile(`_seconds_(bucket|count|sum)$`).ReplaceAllString(name, "_seconds")
			if !slices.ContainsFunc([]string{"", "serveflow", "serveflow_rekey", "serveflow_shadow"}, func(prefix string) bool {
				return strings.Contains(code.String(), `"`+strings.TrimPrefix(name, prefix)+`"`)
			}) {
				t.Errorf("%s names %s, which is not a metric", page, name)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d metrics were found", seen)
	}
}

// docs/settings.md has a row for each setting, with the default and the meaning
// that `serveflow config` prints.
func TestSettingsPageIsWhatConfigPrints(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repositoryRoot(t), "docs", "settings.md"))
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := describeSettings(&table); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(table.String()) {
		columns := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		if columns[1] != "" {
			columns[1] = "`" + columns[1] + "`"
		}
		// Markdown would take <task> for a tag of HTML.
		row := fmt.Sprintf("| `%s` | %s | %s |\n", columns[0], columns[1], strings.ReplaceAll(columns[2], "<", `\<`))
		if n := strings.Count(string(text), row); n != 1 {
			t.Errorf("%d times in docs/settings.md, want once:\n%s", n, row)
		}
	}
}

// The tests that DESIGN.md names are there.
func TestDesignNamesTestsThatExist(t *testing.T) {
	root := repositoryRoot(t)
	text, err := os.ReadFile(filepath.Join(root, "DESIGN.md"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		source, err := os.ReadFile(file)
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(source, -1) {
			there[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`(?:[a-z]+\\.)?((?:Test|Fuzz)\\w+)`").FindAllSubmatch(text, -1) {
		if !there[string(m[1])] {
			t.Errorf("DESIGN.md names %s, which is no test", m[1])
		}
	}
}
