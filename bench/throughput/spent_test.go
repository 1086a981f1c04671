package throughput

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is the unit of CPU time in /proc.
const tick = 10 * time.Millisecond

// spent is the CPU time so far of processes that run, and of their children that have ended. It is Linux that says so.
func spent(t *testing.T, members []*exec.Cmd) (sum time.Duration) {
	t.Helper()
	for _, member := range members {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", member.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), ") ") // behind the name, which may have spaces
		for _, field := range strings.Fields(rest)[11:15] {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				t.Fatalf("/proc/%d/stat: %v", member.Process.Pid, err)
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum
}

// resident is the largest resident memory so far of processes that run, together, in MiB. The usage that Wait tells
// would not do: on Linux its maximum counts the memory of the process that started them.
func resident(t *testing.T, members []*exec.Cmd) (sum float64) {
	t.Helper()
	for _, member := range members {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", member.Process.Pid))
		_, rest, found := strings.Cut(string(status), "VmHWM:")
		if !found {
			continue // it has ended, and what follows says why
		}
		kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		if err != nil {
			t.Fatalf("/proc/%d/status: %v", member.Process.Pid, err)
		}
		sum += kib / 1024
	}
	return sum
}
