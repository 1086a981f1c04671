package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	folder := t.TempDir()
	first, second := filepath.Join(folder, "a"), filepath.Join(folder, "b")
	for _, f := range []string{first, second} {
		if err := os.MkdirAll(f, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	_, err := findIn([]string{first, second})
	if err == nil || !strings.Contains(err.Error(), first+", "+second+"; run `make onnxruntime`") {
		t.Errorf("nowhere: %v", err)
	}
	library := filepath.Join(second, "libonnxruntime.so")
	if err := os.WriteFile(library, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	// A folder of that name is not the library.
	if err := os.Mkdir(filepath.Join(first, "libonnxruntime.so"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := findIn([]string{first, second}); err != nil || got != library {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestFindSetting(t *testing.T) {
	folder := t.TempDir()
	library := filepath.Join(folder, "mine.so")
	if _, err := Find(library); err == nil || !strings.Contains(err.Error(), "SERVEFLOW_ONNXRUNTIME="+library+": file does not exist; ") {
		t.Errorf("absent: %v", err)
	}
	if _, err := Find(folder); err == nil || !strings.Contains(err.Error(), ": not a file; ") {
		t.Errorf("folder: %v", err)
	}
	if err := os.WriteFile(library, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(library); err != nil || got != library {
		t.Errorf("got %q, %v", got, err)
	}
}

// The working directory's .onnxruntime is found, as an absolute path: dlopen would
// look for a bare name elsewhere.
func TestFindInWorkingDirectory(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.MkdirAll(".onnxruntime", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(".onnxruntime/libonnxruntime.so", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Find("")
	if err != nil || !filepath.IsAbs(got) || !strings.HasSuffix(got, "/.onnxruntime/libonnxruntime.so") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRecent(t *testing.T) {
	for release, want := range map[string]bool{
		"1.24.4": true, "1.24": true, "1.25.0": true, "1.100.0": true, "2.0.0": true,
		"1.23.9": false, "1.9.0": false, "0.99.0": false, "1": false, "": false, "next": false, "1.x": false,
	} {
		if recent(release) != want {
			t.Errorf("%q: %v", release, !want)
		}
	}
}

func TestFoldersInOrder(t *testing.T) {
	got := strings.Join(folders("/opt/serveflow/bin/serveflow", "/a:/b"), " ")
	if want := "/opt/serveflow/.onnxruntime .onnxruntime /a /b /usr/local/lib /usr/lib64 "; !strings.HasPrefix(got, want) {
		t.Errorf("%s, want %s first", got, want)
	}
	if got := folders("", ""); got[0] != ".onnxruntime" || got[1] != "/usr/local/lib" {
		t.Errorf("%v", got)
	}
}
