package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionNamesTheCommit(t *testing.T) {
	const hash = "187a46e0c5d2f3b4a5968778695a4b3c2d1e0f00"
	git := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: hash}, {Key: "vcs.modified", Value: modified}}
	}
	for _, c := range []struct {
		name, version, linked string
		settings              []debug.BuildSetting
		want                  string
	}{
		{"a checkout", "(devel)", "", git("false"), "(devel), commit " + hash},
		{"a checkout with changes", "v0.0.0-20261128220531-187a46e0c5d2+dirty", "", git("true"), "v0.0.0-20261128220531-187a46e0c5d2+dirty, commit " + hash + " (modified)"},
		{"git knows better than the linker", "(devel)", "0123-modified", git("false"), "(devel), commit " + hash},
		{"a tag in a checkout", "v1.2.3", "", git("false"), "v1.2.3, commit " + hash},
		{"linked, without git", "(devel)", hash, nil, "(devel), commit " + hash},
		{"linked with changes", "(devel)", hash + "-modified", nil, "(devel), commit " + hash + " (modified)"},
		{"a module with a tag", "v1.2.3", "", nil, "v1.2.3"},
		{"a module without", "v0.0.0-20261128220531-187a46e0c5d2", "", nil, "v0.0.0-20261128220531-187a46e0c5d2, commit 187a46e0c5d2"},
		{"a module after a tag", "v1.2.4-0.20261128220531-187a46e0c5d2", "", nil, "v1.2.4-0.20261128220531-187a46e0c5d2, commit 187a46e0c5d2"},
		{"no git, nothing linked", "(devel)", "", nil, "(devel), commit unknown"},
		{"no build information", "", "", nil, "(devel), commit unknown"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: c.version}, Settings: c.settings}
		if got := release(info, c.linked); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestVersionPrintsTheSchemas(t *testing.T) {
	for _, name := range []string{"version", "--version"} {
		code, stdout, stderr := runCommand(t, nil, "", name)
		if code != exitOK || stderr != "" || !strings.HasPrefix(stdout, "serveflow ") || !strings.HasSuffix(stdout, "\nserveflow.bundle/1 serveflow.features/1 serveflow.label/1\n") {
			t.Errorf("%s: exit code %d, %q, %q", name, code, stdout, stderr)
		}
	}
}

// A build that cannot ask git is told the commit, by the name that the linker sets.
func TestBuildsNameTheCommit(t *testing.T) {
	for _, name := range []string{"Makefile", "Dockerfile"} {
		text, err := os.ReadFile(filepath.Join(repositoryRoot(t), name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "-X main.commit=") {
			t.Errorf("%s builds without -X main.commit=", name)
		}
	}
	_ = commit // the variable that is set
}
