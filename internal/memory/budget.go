// Package memory divides the memory that a process may use among its parts.
package memory

import (
	"fmt"
	"os"
	"runtime/debug"
)

// What a process holds that no setting bounds. Each is what was measured, and more.
const (
	// outsideGo: ONNX Runtime and what it keeps for the next batch, the binary, the
	// threads' stacks. Go's own limit is as much below the process's.
	outsideGo = 128 * MiB
	// models: the bundle's trees and what loading them leaves.
	models = 64 * MiB
	// reading: what is fetched and unpacked of all partitions at a time.
	reading = 64 * MiB
	// deadLetters: those under way.
	deadLetters = 64 * MiB
	// labelBytes is a label that waits to be written, jobBytes a flow that waits for the
	// slow stage.
	labelBytes = 1536
	jobBytes   = 2048
	// leastRoom is what must be left for flows; less would evict ordinary traffic.
	leastRoom = 16 * MiB
)

// Demand is what the settings say of a process's memory.
type Demand struct {
	Max      Bytes // resident memory of the process (SERVEFLOW_MAX_MEMORY)
	Flows    Bytes // of open flows (SERVEFLOW_MAX_FLOW_BYTES); 0: a share of Max
	Finished int   // remembered uids (SERVEFLOW_MAX_FINISHED); 0: a share of Max

	UIDBytes int // what one remembered uid takes

	SinkQueue int  // messages (SERVEFLOW_SINK_QUEUE)
	SlowQueue int  // flows (SERVEFLOW_SLOW_QUEUE)
	Rekey     bool // the process rekeys beside its own work, so two consumers read
}

// Budget is how much memory the parts that grow with the input may hold.
type Budget struct {
	Flows    Bytes // open flows
	Finished int   // remembered uids
	Pins     Bytes // places held in the input, of one consumer
}

// Divide divides a process's memory: what is set stands, what is not is a share of the
// room there is. Settings that contradict each other are an error that names them.
//
// A third of what Go may have is left to garbage: a heap that fills its limit spends its
// time in collecting.
func Divide(d Demand) (Budget, error) {
	fixed := models + reading + deadLetters + Bytes(d.SinkQueue)*labelBytes + Bytes(d.SlowQueue)*jobBytes
	if d.Rekey {
		fixed += reading + Bytes(d.SinkQueue)*labelBytes
	}
	room := (d.Max-outsideGo)/3*2 - fixed
	if room < leastRoom {
		return Budget{}, fmt.Errorf("SERVEFLOW_MAX_MEMORY=%v is too little: SERVEFLOW_SINK_QUEUE=%d, SERVEFLOW_SLOW_QUEUE=%d and all that is fixed need %v; choose at least %v, or shorter queues",
			d.Max, d.SinkQueue, d.SlowQueue, enough(fixed, 0), enough(fixed, leastRoom))
	}
	b := Budget{Flows: d.Flows, Finished: d.Finished, Pins: room / 4}
	left := room - b.Pins
	if d.Rekey {
		b.Pins /= 2
	}
	if b.Flows == 0 {
		b.Flows = room / 2
	}
	if b.Finished == 0 {
		b.Finished = int(room / 4 / Bytes(d.UIDBytes))
	}
	if held := b.Flows + Bytes(b.Finished)*Bytes(d.UIDBytes); held > left {
		return Budget{}, fmt.Errorf("SERVEFLOW_MAX_FLOW_BYTES=%v and SERVEFLOW_MAX_FINISHED=%d need %v, SERVEFLOW_MAX_MEMORY=%v leaves %v for them: lower one of the first two, or set the third to at least %v",
			b.Flows, b.Finished, held, d.Max, left, enough(fixed, held/3*4))
	}
	return b, nil
}

// enough is the SERVEFLOW_MAX_MEMORY that leaves so much room beside what is fixed, in
// whole MiB.
func enough(fixed, room Bytes) Bytes {
	return ((fixed+room)/2*3 + outsideGo + MiB) / MiB * MiB
}

// Limit has the garbage collector keep the process below max, unless GOMEMLIMIT says
// what it is to keep to.
func Limit(max Bytes) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(max - outsideGo))
	}
}

// Model is what loading a bundle may take, in a process that does nothing else: what the
// serving process has for models, twice what bundles/service takes.
const Model = outsideGo + models
