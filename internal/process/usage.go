package process

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is the unit of CPU time in /proc.
const tick = 10 * time.Millisecond

// CPU is the time so far, user and system, of a process that runs, and of its children that have
// ended. It is Linux that says so.
func CPU(t testing.TB, pid int) (own, children time.Duration) {
	t.Helper()
	fields := stat(t, pid)
	return Ticks(t, fields[11:13]), Ticks(t, fields[13:15])
}

// Parent is the id of the process that started a process.
func Parent(t testing.TB, pid int) string {
	t.Helper()
	return stat(t, pid)[1]
}

// stat gives what /proc says of a process, from its state on.
func stat(t testing.TB, pid int) []string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ") // behind the name, which may have spaces
	return strings.Fields(rest)
}

// Ticks is the sum of times as /proc has them.
func Ticks(t testing.TB, fields []string) (sum time.Duration) {
	t.Helper()
	for _, field := range fields {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			t.Fatalf("/proc has the time %q: %v", field, err)
		}
		sum += time.Duration(n) * tick
	}
	return sum
}

// PeakMemory is the largest resident memory of a process so far, bytes; 0 if it has ended. The usage
// that Wait tells would not do: on Linux its maximum counts the memory of the process that started it.
func PeakMemory(pid int) int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10
}

// FreeAddress is a loopback address on which nobody listens now.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
