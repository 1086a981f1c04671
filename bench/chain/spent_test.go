package chain

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/process"
)

// spent is the CPU time so far of a process that runs, user and system.
func spent(t *testing.T, pid int) time.Duration {
	t.Helper()
	own, _ := process.CPU(t, pid)
	return own
}

// settled is mine once the garbage is collected that earlier steps have left.
func settled(t *testing.T) time.Duration {
	t.Helper()
	runtime.GC()
	return mine(t)
}

// mine is the CPU time so far of this process.
func mine(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// findBroker gives the process of the broker that this test has started, and the folder that has a folder for each
// partition. kafkatest keeps both to itself.
func findBroker(t *testing.T) (pid int, folder string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		line, _ := os.ReadFile(file) // it may have ended
		if !bytes.Contains(line, []byte("\x00kafka.Kafka\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		if process.Parent(t, pid) != strconv.Itoa(os.Getpid()) { // another test's
			continue
		}
		folder, err := os.Readlink(filepath.Join(filepath.Dir(file), "cwd"))
		if err != nil {
			t.Fatal(err)
		}
		return pid, filepath.Join(folder, "data")
	}
	t.Fatal("no broker among this test's processes in /proc: the bench needs Linux")
	return 0, ""
}

// logs are the files of a topic, one a partition: batches as they are in Fetch responses.
func (b *bench) logs(topic string) (files []string, bytes int64) {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join(b.folder, topic+"-[0-9]*", "*.log"))
	if err != nil || len(files) == 0 {
		b.t.Fatalf("%s: no log of topic %s, or %v", b.folder, topic, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			b.t.Fatal(err)
		}
		bytes += info.Size()
	}
	return files, bytes
}
