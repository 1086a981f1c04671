package throughput

import (
	"fmt"
	"os/exec"
	"runtime"
	"testing"
)

// bindTo gives what a command begins with to run on the machine's first so many cores alone, and
// on no other. It fails where util-linux's taskset is not there, or may not bind to these.
func bindTo(t *testing.T, cores int) ([]string, error) {
	t.Helper()
	if n := runtime.NumCPU(); n < cores {
		return nil, fmt.Errorf("there are %d cores", n)
	}
	prefix := []string{"taskset", "--cpu-list", fmt.Sprintf("0-%d", cores-1)}
	try := exec.CommandContext(t.Context(), prefix[0], append(prefix[1:len(prefix):len(prefix)], "true")...)
	if out, err := try.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("taskset of util-linux is needed: %w %s", err, out)
	}
	return prefix, nil
}
