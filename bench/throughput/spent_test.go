package throughput

import (
	"os/exec"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/process"
)

// spent is the CPU time so far of processes that run, and of their children that have ended.
func spent(t *testing.T, members []*exec.Cmd) (sum time.Duration) {
	t.Helper()
	for _, member := range members {
		own, children := process.CPU(t, member.Process.Pid)
		sum += own + children
	}
	return sum
}

// resident is the largest resident memory so far of processes that run, together, in MiB.
func resident(members []*exec.Cmd) (sum float64) {
	for _, member := range members {
		sum += float64(process.PeakMemory(member.Process.Pid)) / (1 << 20)
	}
	return sum
}
