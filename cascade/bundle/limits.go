package bundle

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits are what a bundle may use while it is tried out.
type Limits struct {
	Memory int64         // bytes, beyond what the process has before it reads anything
	CPU    time.Duration // of the processor, rounded up to seconds; by the clock it may take ten times that
}

// lacksMemory reports whether words are those of Go, C++ or ONNX Runtime for no memory.
func lacksMemory(words string) bool {
	for _, theirs := range []string{"bad_alloc", "Failed to allocate memory", "cannot allocate memory", "out of memory"} {
		if strings.Contains(words, theirs) {
			return true
		}
	}
	return false
}

// exceeded says that a trial lacked memory, in whose words, and the remedy.
func (l Limits) exceeded(words string) string {
	return fmt.Sprintf("it needs more than the %d MiB of memory that a bundle may (%.200q); train a smaller model, or "+rewrite, l.Memory>>20, words)
}

// set limits this process: no core file, no more memory and time than allowed.
func (l Limits) set() error {
	used, err := dataSize()
	if err != nil {
		return err
	}
	seconds := uint64(math.Ceil(l.CPU.Seconds()))
	late := make(chan os.Signal, 1)
	signal.Notify(late, syscall.SIGXCPU)
	err = errors.Join(
		lower(syscall.RLIMIT_CORE, 0, 0),
		lower(syscall.RLIMIT_DATA, used+uint64(l.Memory), used+uint64(l.Memory)),
		lower(syscall.RLIMIT_CPU, seconds, seconds+5), // a signal, and five seconds later the end
	)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(l.Memory / 2) // garbage is not what the limit is for
	go func() {
		select {
		case <-late:
		case <-time.After(l.clock()):
		}
		os.Exit(exitLate)
	}()
	return nil
}

// clock is how long a trial may take where it is waiting for the processor most of the time.
func (l Limits) clock() time.Duration { return 10 * l.CPU }

// lower sets a limit of this process, for good, where it has no lower one.
func lower(resource int, soft, hard uint64) error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(resource, &now); err != nil {
		return err
	}
	return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: min(soft, now.Max), Max: min(hard, now.Max)})
}

// dataSize gives the bytes of memory that RLIMIT_DATA counts.
func dataSize() (uint64, error) {
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	pages := strings.Fields(string(status)) // size, resident, shared, text, 0, data and stack
	if len(pages) < 6 {
		return 0, fmt.Errorf("/proc/self/statm: %q", status)
	}
	data, err := strconv.ParseUint(pages[5], 10, 64)
	return data * uint64(os.Getpagesize()), err
}

// peak gives the most bytes of memory that this process had resident, 0 if it cannot be told.
func peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.ParseInt(kib, 10, 64)
	return n << 10
}
