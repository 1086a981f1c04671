package onnx_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// A process that changes models again and again, on one thread and another, keeps no memory
// for those that are closed.
func TestClosedModelsGiveTheirMemoryBack(t *testing.T) {
	r := onnxtest.Start(t)
	data, err := os.ReadFile("../../bundles/service/slow.onnx")
	if err != nil {
		t.Fatal(err)
	}
	held, swapped := (*onnx.Model)(nil), make(chan error)
	swap := func() error { // as a change of bundles does: the next one is there before the last is closed
		next, err := r.Load(data, onnx.Config{Input: "features", Output: "scores"})
		if err == nil && held != nil {
			err = held.Close()
		}
		held = next
		return err
	}
	var threads [8]chan struct{}
	for i := range threads {
		threads[i] = make(chan struct{})
		defer close(threads[i])
		go func() {
			runtime.LockOSThread() // C's allocator has memory for each thread
			defer runtime.UnlockOSThread()
			for range threads[i] {
				swapped <- swap()
			}
		}()
	}
	turn := func(i int) {
		threads[i%len(threads)] <- struct{}{}
		if err := <-swapped; err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		turn(i)
	}
	before := residentKiB(t)
	for i := range 2 * len(threads) {
		turn(i)
	}
	if more := residentKiB(t) - before; more > 32<<10 { // 10 MiB or so; ten times that without
		t.Errorf("%d KiB more after %d changes of a model", more, 2*len(threads))
	}
	held.Close()
}

// residentKiB is the resident memory that no file is behind.
func residentKiB(t *testing.T) (kib int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	_, rest, _ := bytes.Cut(text, []byte("RssAnon:"))
	if _, scan := fmt.Sscan(string(rest), &kib); err != nil || scan != nil {
		t.Fatal(err, scan)
	}
	return kib
}
