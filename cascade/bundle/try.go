package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// event is a line that a process which tries a bundle out writes.
type event struct {
	At     string `json:"at,omitempty"`     // file that is worked with from now on
	Report string `json:"report,omitempty"` // a thing that was checked
	Error  string `json:"error,omitempty"`  // why the bundle is refused: the last line
	Digest string `json:"digest,omitempty"` // of the bundle, which passed: the last line
}

// Try is the work of a process that a Trial starts: it limits itself, loads the
// bundle in dir with all its checks, asks every model for rows at the edges, and
// writes to w what it does. It ends the process where that takes too long, so it is
// for a process that does nothing else.
func Try(dir string, engines Engines, l Limits, w io.Writer) error {
	out := json.NewEncoder(w)
	digest := ""
	err := l.set()
	if err != nil {
		err = fmt.Errorf("bundle %s: the limits of its trial cannot be set: %w; see to it that /proc is there", dir, err)
	} else {
		digest, err = tryOut(dir, engines, l, out)
		out.Encode(event{Report: fmt.Sprintf("trial: at most %d MiB resident; %d MiB beyond the start would have ended it", peak()>>20, l.Memory>>20)})
	}
	last := event{Digest: digest}
	if err != nil {
		last = event{Error: err.Error()}
	}
	return out.Encode(last)
}

func tryOut(dir string, engines Engines, l Limits, out *json.Encoder) (digest string, err error) {
	at := ""
	p := progress{
		report: func(format string, args ...any) { out.Encode(event{Report: fmt.Sprintf(format, args...)}) },
		at: func(file string) {
			if file != at {
				out.Encode(event{At: file})
			}
			at = file
		},
	}
	b, err := load(dir, engines, p)
	if err != nil && lacksMemory(err.Error()) {
		return "", fmt.Errorf("bundle %s: %s: %s", dir, at, l.exceeded(err.Error()))
	}
	if err != nil {
		return "", err
	}
	defer b.Close()
	for i := range b.Stages {
		p.at(b.Stages[i].File)
		if err := b.Stages[i].askEdges(); err != nil {
			return "", fmt.Errorf("bundle %s: %s: %w; %s", dir, b.Stages[i].File, err, rewrite)
		}
	}
	return b.Digest, nil
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
