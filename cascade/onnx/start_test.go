package onnx_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

func TestStartTwice(t *testing.T) {
	path := onnxtest.Library(t)
	first, err := onnx.Start(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := onnx.Start(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := onnx.Start("/other/lib.so"); err == nil || !strings.Contains(err.Error(), "restart to change") {
		t.Errorf("another library: %v", err)
	}
	for range 2 { // closing twice counts once
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m := load(t, second, "mlp", "scores")
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	predict(t, m, make([]float32, m.Width()), 1) // a model keeps the library
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := onnx.Start(path) // after the last one was closed
	if err != nil {
		t.Fatal(err)
	}
	load(t, again, "mlp", "scores").Close()
	again.Close()
}

// A library that reports an old release, in its symbols or only when asked.
const oldLibrary = `
#include <stddef.h>
static const void *api(unsigned version) { return NULL; }
static const char *release(void) { return "1.20.1"; }
static struct { const void *(*api)(unsigned); const char *(*release)(void); } base = {api, release};
void *OrtGetApiBase(void) { return &base; }
`

func TestStartRefuses(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"absent", filepath.Join(folder, "none.so"), "no such file"},
		{"no library", text, "not a shared library"},
		{"another library", compile(t, folder, "other", "int other;", ""), "it has no OrtGetApiBase"},
		{"old", compile(t, folder, "old", oldLibrary, "VERS_1.20.1"), "this is ONNX Runtime 1.20.1, but 1.24 or newer is needed"},
		{"odd release", compile(t, folder, "odd", oldLibrary, "VERS_next"), "this is ONNX Runtime next, but"},
		{"old without a version", compile(t, folder, "bare", oldLibrary, ""), "this ONNX Runtime is older than 1.24"},
	} {
		r, err := onnx.Start(c.path)
		if err == nil {
			r.Close()
			t.Errorf("%s: started", c.name)
			continue
		}
		for _, part := range []string{"onnx: " + c.path + ": ", c.want, "; run `make onnxruntime`, or name"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q lacks %q", c.name, err, part)
			}
		}
	}
}

// compile makes a shared library whose symbols carry the version, if one is named.
func compile(t *testing.T, folder, name, source, version string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	args := []string{"-shared", "-fPIC", "-o", path + ".so", path + ".c"}
	if version != "" {
		if err := os.WriteFile(path+".map", []byte(version+" { global: OrtGetApiBase; local: *; };"), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-Wl,--version-script="+path+".map")
	}
	if err := os.WriteFile(path+".c", []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v: %s", err, out)
	}
	return path + ".so"
}
