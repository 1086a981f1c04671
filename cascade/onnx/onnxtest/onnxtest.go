// Package onnxtest finds ONNX Runtime for tests.
package onnxtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx"
	"github.com/serveflow/serveflow/internal/needs"
)

// Library gives the path of the shared library: what SERVEFLOW_ONNXRUNTIME names, or
// the one in the repository's .onnxruntime, or the system's. Without one the test is
// skipped; it fails where TESTS_MUST_NOT_SKIP=1 says that everything must be there.
func Library(t testing.TB) string {
	t.Helper()
	setting := os.Getenv("SERVEFLOW_ONNXRUNTIME")
	if setting == "" {
		setting = inRepository()
	}
	path, err := onnx.Find(setting)
	if err != nil {
		t.Log(err)
		needs.Missing(t, "no ONNX Runtime: run `make onnxruntime`")
	}
	return path
}

// inRepository looks from the test's folder upwards; empty where there is none.
func inRepository() string {
	folder, err := os.Getwd()
	for err == nil && folder != filepath.Dir(folder) {
		path := filepath.Join(folder, ".onnxruntime", "libonnxruntime.so")
		if _, err := os.Stat(path); err == nil {
			return path
		}
		folder = filepath.Dir(folder)
	}
	return ""
}

// Start starts ONNX Runtime for the length of the test.
func Start(t testing.TB) *onnx.Runtime {
	t.Helper()
	r, err := onnx.Start(Library(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}
