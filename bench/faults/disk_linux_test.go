package faults

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// diskSize is the broker's whole disk: what is sent fits into the half of it.
func diskSize() string { return choose("32m", "256m") }

// thrifty keeps the broker from needing more disk than there is.
const thrifty = `
log.index.size.max.bytes=65536
replica.high.watermark.checkpoint.interval.ms=1000
`

// fullDisk is the row of a broker whose disk is full: it stops, and its operator makes
// room and starts it again.
func fullDisk(t *testing.T) {
	run(t, "broker disk full", withheldTarget, func(t *testing.T, r *row) {
		t.Parallel()
		disk, breaks := smallDisk(t, r)
		broker := kafkatest.StartWith(t, kafkatest.Options{Properties: "\nlog.dirs=" + disk + thrifty})
		s := newScene(t, setup{brokers: []string{broker.Addr}, partitions: 4, settings: []string{"SERVEFLOW_COMMIT_EVERY=200ms"}})
		s.start(1)
		s.await()
		s.send(traffic{flows: choose(2000, 60_000), rate: 200})
		eventually(t, 10*time.Second, "labels", func() bool { return s.labelsOut() > 0 })
		w := withheld{says: []string{"full"}}
		mend := breaks()
		w.hold(t, r, s, func() { time.Sleep(choose(3*time.Second, time.Minute)) }, func() {
			mend()
			broker.Kill() // one that could not write may be long about its end
			broker.Restart()
		})
	})
}

// smallDisk gives a folder for the broker, and what makes its disk full. Where no
// file system can be mounted the folder is taken away instead: the broker then
// stops by the same path.
func smallDisk(t *testing.T, r *row) (dir string, breaks func() (mend func())) {
	t.Helper()
	top := t.TempDir()
	disk := filepath.Join(top, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+diskSize())
	if err != nil {
		r.saw("no file system can be mounted (%v): the folder is taken away instead", err)
		return filepath.Join(disk, "data"), func() func() { return takeAway(t, filepath.Join(disk, "data")) }
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	return filepath.Join(disk, "data"), func() func() { return fill(t, filepath.Join(disk, "filler")) }
}

// fill writes until there is no room; mend makes it again.
func fill(t *testing.T, name string) (mend func()) {
	t.Helper()
	file, err := os.Create(name)
	for block := make([]byte, 4096); err == nil; {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	file.Close()
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// takeAway puts a file where the folder was; mend puts it back.
func takeAway(t *testing.T, dir string) (mend func()) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Rename(dir, dir+".away"))
	must(os.WriteFile(dir, nil, 0o600))
	return func() {
		must(os.Remove(dir))
		must(os.Rename(dir+".away", dir))
	}
}
