package kafkatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a testing.TB that records how a test would have ended, and then panics.
type recorder struct {
	testing.TB
	end string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.end = "fatal: " + fmt.Sprintf(format, args...)
	panic(r)
}

func (r *recorder) Skipf(format string, args ...any) {
	r.end = "skip: " + fmt.Sprintf(format, args...)
	panic(r)
}

func TestRequireInstallation(t *testing.T) {
	const java = "java"
	const jar = ".kafka/jars/kafka_2.13-1.jar"
	tests := []struct {
		name    string
		require string
		files   []string
		want    []string // parts of how the test ends; none: it goes on
	}{
		{"all there", "1", []string{java, jar, "go.mod"}, nil},
		{"no jars", "", []string{java, "go.mod"}, []string{"skip: ", "`make kafka`"}},
		{"no jars, required", "1", []string{java, "go.mod"}, []string{"fatal: ", "`make kafka`"}},
		{"no java", "", []string{jar, "go.mod"}, []string{"skip: ", "install Java"}},
		{"no java, required", "1", []string{jar, "go.mod"}, []string{"fatal: ", "install Java"}},
		{"outside the repository", "1", []string{java, jar}, []string{"fatal: ", "go.mod"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for _, name := range append(tt.files, "deep/down/file") {
				name = filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, nil, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", root)
			t.Setenv("TESTS_MUST_NOT_SKIP", tt.require)
			t.Chdir(filepath.Join(root, "deep/down"))
			end := endOf(t)
			if len(tt.want) == 0 && end != "" {
				t.Errorf("the test ends with %q, want it to go on", end)
			}
			for _, part := range tt.want {
				if !strings.Contains(end, part) {
					t.Errorf("the test ends with %q, want %q in it", end, part)
				}
			}
		})
	}
}

// endOf returns how requireInstallation ends a test; "" where it does not end it.
func endOf(t *testing.T) (end string) {
	r := &recorder{TB: t}
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
		end = r.end
	}()
	requireInstallation(r)
	return ""
}
