package pauses

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/process"
)

var (
	open  = flag.Int("open", 0, "the memory of 10,000 open flows, of ten times as many, and so on up to this many")
	gomem = flag.String("gomemlimit", "1100MiB", "GOMEMLIMIT of serveflow, which replay does not set by itself: what run sets with SERVEFLOW_MAX_MEMORY=1.2GiB")
)

// A whole process that holds so many flows of one packet: replay reads first packets that no stage is sure of, all within
// a moment of record time. Half as many again than may be open come, so that garbage is made too: those that come first
// are evicted.
func TestOpenFlows(t *testing.T) {
	if *open == 0 {
		t.Skip("on purpose: a bench of its own, make bench-pauses")
	}
	firsts := readTraffic(t).unsure(t)
	fmt.Printf("| open flows | resident memory at most | bytes a flow, all of the process | us of CPU a flow |\n| --- | --- | --- | --- |\n")
	for n := 10_000; n <= *open; n *= 10 {
		h := holding(t, firsts, n)
		fmt.Printf("| %d | %.0f MiB | %.0f | %.1f |\n", n, h.most/(1<<20), h.most/float64(n), float64(h.cpu.Microseconds())/float64(n/2*3))
	}
}

// held is what a process took.
type held struct {
	most float64 // resident memory, bytes
	cpu  time.Duration
}

// unsure gives the first records of flows for which the cascade waits beyond their first packet.
func (all *traffic) unsure(t *testing.T) (firsts []*record) {
	t.Helper()
	waited := map[string]bool{}
	replayed(t, all.file, 500_000, func(uid string, packets int, _ string) { waited[uid] = packets > 1 })
	for i := range all.records {
		if r := &all.records[i]; r.first && waited[string(r.uid)] {
			firsts = append(firsts, r)
		}
	}
	if len(firsts) == 0 {
		t.Fatalf("%s: no flow waits for a second packet", all.file)
	}
	return firsts
}

// holding replays half as many flows again as may be open.
func holding(t *testing.T, firsts []*record, n int) held {
	t.Helper()
	name := filepath.Join(t.TempDir(), "records.jsonl")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	for i := range n / 2 * 3 { // all at once, with uids as long as Zeek's
		r := firsts[i%len(firsts)]
		fmt.Fprintf(w, "%s\"ts\":1700000000.5,\"uid\":\"C%017d\"%s\n", r.head, i, r.tail)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	evicted := 0
	h := replayed(t, name, n, func(_ string, _ int, reason string) {
		if reason == "evicted" {
			evicted++
		}
	})
	if evicted != n/2 {
		t.Fatalf("%d of %d flows were evicted, and %d were to be: not all others were open at a time", evicted, n/2*3, n/2)
	}
	return h
}

// replayed labels a file, with so many flows open at most.
func replayed(t *testing.T, name string, flows int, each func(uid string, packets int, reason string)) held {
	t.Helper()
	full, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bin/serveflow", "replay", full)
	// What these demand is the worst of each part, so it is more than what is used.
	cmd.Dir, cmd.Env = "../..", process.Environment("SERVEFLOW_MAX_MEMORY=2GiB", "SERVEFLOW_MAX_FLOW_BYTES=790MiB", "SERVEFLOW_MAX_FINISHED=100000",
		fmt.Sprintf("SERVEFLOW_MAX_FLOWS=%d", flows), "GOMEMLIMIT="+*gomem)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("%v; make build makes it", err)
	}
	most := make(chan float64)
	go func() { most <- watch(cmd.Process.Pid) }()
	for lines := json.NewDecoder(bufio.NewReader(out)); lines.More(); {
		var l struct {
			UID, Reason string
			Packets     int
		}
		if err := lines.Decode(&l); err != nil {
			t.Fatal(err)
		}
		each(l.UID, l.Packets, l.Reason)
	}
	peak := <-most
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, said.Bytes())
	}
	return held{most: peak, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

// watch gives a process's largest resident memory, bytes, once it has ended.
func watch(pid int) (most float64) {
	for {
		now := float64(process.PeakMemory(pid))
		if now == 0 {
			return most
		}
		most = now
		time.Sleep(10 * time.Millisecond)
	}
}
