package main

import (
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a goroutine is left after the tests. Bundles are tried out by the
// running program, which is the test's binary here.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && slices.Equal(os.Args[1:3], []string{"bundle", "try"}) {
		main()
	}
	goleak.VerifyTestMain(m)
}
