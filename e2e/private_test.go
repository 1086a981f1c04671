package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A checkout that is its owner's alone to read gives an image that runs, and a stack that
// labels.
func TestPrivateCheckout(t *testing.T) {
	requireEngine(t)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "serveflow")
	build := "docker compose build check"
	if os.Getenv("E2E_IMAGES") == "local" {
		build = `cp -r "$1/.onnxruntime" . && e2e/standins.sh "$2"`
	}
	script := `set -eu; umask 077; git clone --quiet "$1" "$3"; cd "$3"; ` + build
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script, "sh", root, filepath.Join(t.TempDir(), "standins"), dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := newProject(t, nil)
	p.dir = dir
	p.must(startLimit, "up", "--detach", "--wait")
	want := p.replayed()
	p.replay("--speed", "4")
	sameAsReplay(t, p, want)
}
