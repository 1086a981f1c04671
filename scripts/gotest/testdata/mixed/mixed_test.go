// Package mixed has tests that pass, fail and skip, for the test of scripts/gotest.
package mixed

import (
	"os"
	"testing"
)

func TestPasses(t *testing.T) { t.Log("nobody reads this") }

func TestFails(t *testing.T) {
	if t.Log("before"); os.Getenv("MIXED_FAILS") == "1" {
		t.Error("behind")
	}
}

func TestMissing(t *testing.T) {
	t.Log("first")
	t.Skip("no moon")
}

func TestTable(t *testing.T) {
	t.Run("night", func(t *testing.T) { t.Skip("no moon") })
}

func TestLong(t *testing.T) { t.Skip("on purpose: it takes a month") }
