// Package process runs programs for tests. Their output goes to a file. A test can stop,
// kill and pause them, and none outlives the test process.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Process is one run of a program.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the program has ended and is reaped
}

// Start starts cmd and appends its output to logFile.
func Start(cmd *exec.Cmd, logFile string) (*Process, error) {
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = dieWithParent()
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel treats the thread that started the program as its parent, so that
		// thread must live as long as the program.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer out.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // ExitCode tells how it ended: often it was killed
		}
	}()
	return p, <-started
}

// PID returns the program's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Running reports whether the program still runs.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Done returns a channel that is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode waits until the program has ended and returns its exit code; -1 if a signal
// ended it.
func (p *Process) ExitCode() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends a signal. It returns an error where the program has ended.
func (p *Process) Signal(sig syscall.Signal) error {
	if !p.Running() {
		return fmt.Errorf("%s: %s is not running", sig, p.cmd.Path)
	}
	return p.cmd.Process.Signal(sig)
}

// Stop sends SIGTERM and waits until the program has ended. After timeout it kills it.
func (p *Process) Stop(timeout time.Duration) {
	_ = p.Signal(syscall.SIGTERM) // an error means that it has ended already
	select {
	case <-p.done:
	case <-time.After(timeout):
		p.Kill()
	}
}

// Kill sends SIGKILL, which ends a paused program too, and waits until it has ended.
func (p *Process) Kill() {
	_ = p.Signal(syscall.SIGKILL)
	<-p.done
}
