package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// Every bundle that ships passes its own checks, parity included.
func TestShippedBundles(t *testing.T) {
	onnxtest.Library(t)
	dirs, err := filepath.Glob(filepath.Join(repositoryRoot(t), "bundles", "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no bundles: %v", err)
	}
	for _, dir := range dirs {
		code, stdout, stderr := runCommand(t, nil, "", "bundle", "verify", dir)
		if code != exitOK || !strings.Contains(stdout, "parity") {
			t.Errorf("exit code %d, %s, %s", code, stdout, stderr)
		}
	}
}

// A damaged bundle is refused before anything starts.
func TestDamagedBundleIsRefused(t *testing.T) {
	onnxtest.Library(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(repositoryRoot(t), toy))); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(dir, "first.txt")
	if err := os.WriteFile(model, []byte("tree\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := runCommand(t, nil, "", "run", "--check", "--bundle", dir)
	if code != exitUsage || !strings.Contains(stderr, "first.txt") || !strings.Contains(stderr, "SHA-256") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}
