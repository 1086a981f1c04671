package process

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// What /proc says of this process, and of one that has ended.
func TestUsage(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system has no /proc")
	}
	if got := Parent(t, os.Getpid()); got != strconv.Itoa(os.Getppid()) {
		t.Errorf("parent %s, want %d", got, os.Getppid())
	}
	if own, children := CPU(t, os.Getpid()); own < 0 || children < 0 {
		t.Errorf("CPU %v, of children %v", own, children)
	}
	if peak := PeakMemory(os.Getpid()); peak < 1<<20 {
		t.Errorf("peak memory %d", peak)
	}
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if peak := PeakMemory(cmd.Process.Pid); peak != 0 {
		t.Errorf("peak memory %d of a process that has ended", peak)
	}
}

func TestTicks(t *testing.T) {
	if got := Ticks(t, []string{"2", "3"}); got != 5*tick {
		t.Errorf("%v", got)
	}
}
