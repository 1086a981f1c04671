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

// diskSize is the size of the broker's disk. What the row sends takes half of it.
func diskSize() string { return choose("32m", "256m") }

// smallDiskProperties are properties that make the broker fit on a small disk.
const smallDiskProperties = `
log.index.size.max.bytes=65536
replica.high.watermark.checkpoint.interval.ms=1000
`

// fullDisk fills the broker's disk, so that the broker stops. Then its operator makes room and
// starts it again.
func fullDisk(t *testing.T) {
	run(t, "broker disk full", outageTarget, func(t *testing.T, r *row) {
		t.Parallel()
		disk, breaks := smallDisk(t, r)
		broker := kafkatest.StartWith(t, kafkatest.Options{Properties: "\nlog.dirs=" + disk + smallDiskProperties})
		h := newHarness(t, harnessConfig{brokers: []string{broker.Addr}, partitions: 4, settings: []string{"SERVEFLOW_COMMIT_EVERY=200ms"}})
		h.start(1)
		h.awaitReady()
		h.send(traffic{flows: choose(2000, 60_000), rate: 200})
		eventually(t, 10*time.Second, "labels", func() bool { return h.writtenLabels() > 0 })
		w := outage{wantMessage: []string{"full"}}
		mend := breaks()
		w.check(t, r, h, func() { time.Sleep(choose(3*time.Second, time.Minute)) }, func() {
			mend()
			broker.Kill() // a broker that could not write may take long to stop
			broker.Restart()
		})
	})
}

// smallDisk returns a folder for the broker's data, and a function that makes its disk full.
// Where no file system can be mounted, that function moves the folder away instead: the broker
// stops in the same way.
func smallDisk(t *testing.T, r *row) (dir string, breaks func() (mend func())) {
	t.Helper()
	top := t.TempDir()
	disk := filepath.Join(top, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+diskSize())
	if err != nil {
		r.note("no file system can be mounted (%v): the folder is taken away instead", err)
		return filepath.Join(disk, "data"), func() func() { return moveAway(t, filepath.Join(disk, "data")) }
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	return filepath.Join(disk, "data"), func() func() { return fill(t, filepath.Join(disk, "filler")) }
}

// fill writes until the disk is full; mend frees it.
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

// moveAway replaces a folder by a file; mend moves it back.
func moveAway(t *testing.T, dir string) (mend func()) {
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
