package process

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A killed test process runs no clean-up, but the programs that it started must end. This
// test runs itself as that process, which starts a sleep. All three share a pipe, which
// ends when the last of them has ended.
func TestNoProgramOutlivesItsTest(t *testing.T) {
	if os.Getenv("PROCESS_CHILD") != "" {
		startSleepAndWait(t)
		return
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestNoProgramOutlivesItsTest$")
	child.Env = append(os.Environ(), "PROCESS_CHILD=1")
	child.ExtraFiles = []*os.File{w}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 1)); err != nil {
		t.Fatalf("the child started no process: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
}

func startSleepAndWait(t *testing.T) {
	pipe := os.NewFile(3, "pipe")
	sleep := exec.Command("sleep", "3600")
	sleep.ExtraFiles = []*os.File{pipe}
	p, err := Start(sleep, filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
}
