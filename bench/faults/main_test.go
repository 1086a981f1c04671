package faults

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// rows collects the results of all tests for TestMain, which prints them. Tests and
// TestMain can share a value only through the package.
var rows table

// TestMain prints the table after the last row.
func TestMain(m *testing.M) {
	code := m.Run()
	if text := rows.markdown(); text != "" {
		os.Stdout.WriteString("\n" + text + "\n")
		name := filepath.Join("out", os.Getenv("FAULTS")+"-"+time.Now().Format("20060102-150405")+".md")
		if err := os.MkdirAll("out", 0o755); err == nil {
			os.WriteFile(name, []byte(text), 0o644)
		}
	}
	if dir := builtBinary.dir; dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// long reports whether the bench runs in its long form.
func long() bool { return os.Getenv("FAULTS") == "long" }

// choose returns the value for the form in which the bench runs.
func choose[T any](shortForm, longForm T) T {
	if long() {
		return longForm
	}
	return shortForm
}

// requireBench skips a test where the bench was not asked for.
func requireBench(t *testing.T) {
	t.Helper()
	switch os.Getenv("FAULTS") {
	case "short", "long":
	case "":
		t.Skip("on purpose: a row of the fault bench; run it by `make faults`, or set FAULTS=short")
	default:
		t.Fatalf("FAULTS=%s: choose short or long", os.Getenv("FAULTS"))
	}
}
