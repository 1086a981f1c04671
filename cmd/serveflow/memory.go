package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/serveflow/serveflow/flow"
)

// What a process holds that is not by setting. Each is what was measured, and more.
const (
	// outsideGo: ONNX Runtime and what it keeps for the next batch, the binary, the
	// threads' stacks. Go's own limit is as much below SERVEFLOW_MAX_MEMORY.
	outsideGo = 128 * mib
	// models: the bundle's trees and what loading them leaves.
	models = 64 * mib
	// reading: what is fetched and unpacked of all partitions at a time.
	reading = 64 * mib
	// letters: dead letters under way.
	letters = 64 * mib
	// labelBytes is a label that waits to be written, jobBytes a flow that waits for
	// the slow stage.
	labelBytes = 1536
	jobBytes   = 2048
	uidBytes   = Bytes(flow.FinishedBytes)
	// leastRoom is what must be left for flows; less would evict ordinary traffic.
	leastRoom = 16 * mib
)

// budget is how much memory the parts that grow with the input may hold. A third
// of what Go may have is left to garbage: a heap that fills its limit spends its
// time in collecting.
type budget struct {
	flows    Bytes // open flows
	finished int   // remembered uids
	pins     Bytes // places held in the input, of one consumer
}

// budget divides SERVEFLOW_MAX_MEMORY: what is set stands, what is not is a share of
// the room there is. Settings that contradict each other are an error that names them.
func (s *Settings) budget() (budget, error) {
	queues := Bytes(s.SinkQueue)*labelBytes + Bytes(s.SlowQueue)*jobBytes
	fixed := models + reading + letters + queues
	if s.RekeyFrom != "" {
		fixed += reading + Bytes(s.SinkQueue)*labelBytes
	}
	room := (s.MaxMemory-outsideGo)/3*2 - fixed
	if room < leastRoom {
		return budget{}, fmt.Errorf("SERVEFLOW_MAX_MEMORY=%v is too little: SERVEFLOW_SINK_QUEUE=%d, SERVEFLOW_SLOW_QUEUE=%d and all that is fixed need %v; choose at least %v, or shorter queues",
			s.MaxMemory, s.SinkQueue, s.SlowQueue, enough(fixed, 0), enough(fixed, leastRoom))
	}
	b := budget{flows: s.MaxFlowBytes, finished: s.MaxFinished, pins: room / 4}
	left := room - b.pins
	if s.RekeyFrom != "" {
		b.pins /= 2 // two consumers read
	}
	if b.flows == 0 {
		b.flows = room / 2
	}
	if b.finished == 0 {
		b.finished = int(room / 4 / uidBytes)
	}
	if held := b.flows + Bytes(b.finished)*uidBytes; held > left {
		return budget{}, fmt.Errorf("SERVEFLOW_MAX_FLOW_BYTES=%v and SERVEFLOW_MAX_FINISHED=%d need %v, SERVEFLOW_MAX_MEMORY=%v leaves %v for them: lower one of the first two, or set the third to at least %v",
			b.flows, b.finished, held, s.MaxMemory, left, enough(fixed, held/3*4))
	}
	return b, nil
}

// enough is the SERVEFLOW_MAX_MEMORY that leaves so much room beside what is fixed,
// in whole MiB.
func enough(fixed, room Bytes) Bytes {
	return ((fixed+room)/2*3 + outsideGo + mib) / mib * mib
}

// limitMemory has the garbage collector keep to SERVEFLOW_MAX_MEMORY, unless the
// environment says what it is to keep to.
func (s *Settings) limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(s.MaxMemory - outsideGo))
	}
}
