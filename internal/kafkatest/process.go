package kafkatest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// process is one run of a java program.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the program has ended and is reaped
}

// command prepares a main class of Kafka's jars, in a JVM that starts fast and stays small.
func (in installation) command(dir, mainClass string, args ...string) *exec.Cmd {
	all := []string{
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-XX:-UsePerfData",
		"-Djava.io.tmpdir=" + filepath.Join(dir, "tmp"),
		"-Dlog4j2.configurationFile=" + filepath.Join(dir, loggingFile),
		"-cp", filepath.Join(in.jars, "*"), mainClass,
	}
	cmd := exec.Command(in.java, append(all, args...)...)
	cmd.Dir = dir
	cmd.SysProcAttr = dieWithParent()
	return cmd
}

// startProcess starts cmd with its output at the end of logFile.
func startProcess(cmd *exec.Cmd, logFile string) (*process, error) {
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = out, out
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel counts the thread that started the program as its parent,
		// so that thread has to stay for as long as the program runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer out.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended does not matter: often it was killed
		}
	}()
	return p, <-started
}

// running tells whether the program has not ended yet.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal sends sig; a program that has ended gets none.
func (p *process) signal(sig syscall.Signal) error {
	if !p.running() {
		return fmt.Errorf("%s: the broker is not running", sig)
	}
	return p.cmd.Process.Signal(sig)
}

// stop asks the program to end and kills it when it has not done so in time.
func (p *process) stop(patience time.Duration) {
	_ = p.signal(syscall.SIGTERM) // ended already: then there is nothing to wait for
	select {
	case <-p.done:
	case <-time.After(patience):
		p.kill()
	}
}

// kill ends the program at once, paused or not, and waits until it is gone.
func (p *process) kill() {
	_ = p.signal(syscall.SIGKILL)
	<-p.done
}
