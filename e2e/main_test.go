package e2e

import (
	"os"
	"testing"
)

// requireEngine skips a test where a container engine was not asked for.
func requireEngine(t *testing.T) {
	t.Helper()
	if os.Getenv("E2E") != "1" {
		t.Skip("on purpose: it needs a container engine; run it by `make e2e`")
	}
}
