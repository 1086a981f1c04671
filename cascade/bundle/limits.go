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
	Memory int64         // bytes, besides those that the process has before it reads anything
	CPU    time.Duration // processor time, rounded up to seconds; the wall time may be ten times that
}

// isOutOfMemory reports whether words contain what Go, C++ or ONNX Runtime say when there
// is no memory.
func isOutOfMemory(words string) bool {
	for _, theirs := range []string{"bad_alloc", "Failed to allocate memory", "cannot allocate memory", "out of memory"} {
		if strings.Contains(words, theirs) {
			return true
		}
	}
	return false
}

// memoryExceeded says that a trial needed too much memory. words are what it said last.
func (l Limits) memoryExceeded(words string) string {
	return fmt.Sprintf("it needs more than the %d MiB of memory that a bundle may (%.200q); train a smaller model, or "+rewrite, l.Memory>>20, words)
}

// apply limits this process: no core file, and no more memory and time than allowed.
func (l Limits) apply() error {
	used, err := dataSize()
	if err != nil {
		return err
	}
	seconds := uint64(math.Ceil(l.CPU.Seconds()))
	late := make(chan os.Signal, 1)
	signal.Notify(late, syscall.SIGXCPU)
	err = errors.Join(
		lowerLimit(syscall.RLIMIT_CORE, 0, 0),
		lowerLimit(syscall.RLIMIT_DATA, used+uint64(l.Memory), used+uint64(l.Memory)),
		lowerLimit(syscall.RLIMIT_CPU, seconds, seconds+5), // a signal, and five seconds later the end
	)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(l.Memory / 2) // garbage must not use up the limit
	go func() {
		select {
		case <-late:
		case <-time.After(l.wallTime()):
		}
		os.Exit(exitLate)
	}()
	return nil
}

// wallTime is how long a trial may take if it mostly waits for the processor.
func (l Limits) wallTime() time.Duration { return 10 * l.CPU }

// lowerLimit lowers a limit of this process, if it is not lower already. It cannot be
// raised again.
func lowerLimit(resource int, soft, hard uint64) error {
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

// peakMemory gives the most bytes of resident memory that this process has had; 0 if that
// is not known.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.ParseInt(kib, 10, 64)
	return n << 10
}
