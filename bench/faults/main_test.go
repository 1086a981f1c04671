package faults

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// rows gathers what all tests of the package saw: TestMain prints it, and a test
// can hand it nothing but through the package.
var rows table

// TestMain prints the table when every row is through.
func TestMain(m *testing.M) {
	code := m.Run()
	if text := rows.markdown(); text != "" {
		os.Stdout.WriteString("\n" + text + "\n")
		name := filepath.Join("out", os.Getenv("FAULTS")+"-"+time.Now().Format("20060102-150405")+".md")
		if err := os.MkdirAll("out", 0o755); err == nil {
			os.WriteFile(name, []byte(text), 0o644)
		}
	}
	if dir := built.dir; dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// long tells whether the bench runs in its long form.
func long() bool { return os.Getenv("FAULTS") == "long" }

// choose gives the short form's value or the long form's.
func choose[T any](short, whole T) T {
	if long() {
		return whole
	}
	return short
}

// group begins a group of rows: a test that runs only where the bench was asked for.
func group(t *testing.T) {
	t.Helper()
	switch os.Getenv("FAULTS") {
	case "short", "long":
	case "":
		t.Skip("a row of the fault bench: run it by `make faults`, or set FAULTS=short")
	default:
		t.Fatalf("FAULTS=%s: choose short or long", os.Getenv("FAULTS"))
	}
}
