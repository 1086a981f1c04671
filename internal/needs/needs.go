// Package needs skips tests where something that they need is missing.
package needs

import (
	"os"
	"path/filepath"
	"testing"
)

// Everything reports whether no test may be skipped, as in CI: whether the
// environment has TESTS_MUST_NOT_SKIP=1.
func Everything() bool { return os.Getenv("TESTS_MUST_NOT_SKIP") == "1" }

// Missing skips a test and says what is missing. Where no test may be skipped, the
// test fails.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if Everything() {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// SharedData returns the full path of a file or folder in ../shared/data, which holds
// labelled traffic and is no part of the repository.
func SharedData(t testing.TB, name string) string {
	t.Helper()
	root, err := os.Getwd()
	for err == nil && root != filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		root = filepath.Dir(root)
	}
	path := filepath.Join(root, "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		Missing(t, "no labelled traffic in ../shared/data")
	}
	return path
}
