// Package memory divides the memory that a process may use among its parts.
package memory

import (
	"fmt"
	"os"
	"runtime/debug"
)

// What a process holds that no setting bounds. Each is above what was measured.
const (
	// outsideGo is memory that Go's heap does not hold: ONNX Runtime with what it keeps
	// for the next batch, the binary, the threads' stacks. Go's memory limit is lower
	// than the process's by as much.
	outsideGo = 128 * MiB
	// models is for the bundle's trees and what loading them leaves.
	models = 64 * MiB
	// reading is for what is fetched and decompressed of all partitions at a time.
	reading = 64 * MiB
	// deadLetters is for those that are not written yet.
	deadLetters = 64 * MiB
	// labelBytes is what a label takes that waits to be written, jobBytes what a flow
	// takes that waits for the slow stage.
	labelBytes = 1536
	jobBytes   = 2048
	// leastRoom is the least that may be left for flows and offsets. With less, flows of
	// ordinary traffic would be evicted.
	leastRoom = 16 * MiB
)

// Demand has the settings that say how much memory a process needs.
type Demand struct {
	Max      Bytes // resident memory of the process (SERVEFLOW_MAX_MEMORY)
	Flows    Bytes // open flows (SERVEFLOW_MAX_FLOW_BYTES); 0: a share of Max
	Finished int   // remembered uids (SERVEFLOW_MAX_FINISHED); 0: a share of Max

	UIDBytes int // bytes that one remembered uid takes

	Tasks     int  // bundles that are served; 0 stands for one
	SinkQueue int  // messages (SERVEFLOW_SINK_QUEUE)
	SlowQueue int  // flows (SERVEFLOW_SLOW_QUEUE)
	Rekey     bool // the process rekeys beside its own work, so two consumers read
}

// Budget is how much memory the parts that grow with the input may hold.
type Budget struct {
	Flows    Bytes // open flows
	Finished int   // remembered uids
	InFlight Bytes // offsets in flight, of one consumer
}

// Divide divides a process's memory. A part that has a setting gets what the setting says,
// any other part gets a share. If the parts do not fit, the error names the settings
// and values that do.
//
// A third of Go's memory is left for garbage. With less, the process would spend its
// time on garbage collection.
func Divide(d Demand) (Budget, error) {
	tasks := Bytes(max(1, d.Tasks))
	fixed := reading + deadLetters + tasks*(models+Bytes(d.SinkQueue)*labelBytes+Bytes(d.SlowQueue)*jobBytes)
	if d.Rekey {
		fixed += reading + Bytes(d.SinkQueue)*labelBytes
	}
	room := (d.Max-outsideGo)/3*2 - fixed
	if room < leastRoom {
		return Budget{}, fmt.Errorf("SERVEFLOW_MAX_MEMORY=%v is too little: SERVEFLOW_SINK_QUEUE=%d, SERVEFLOW_SLOW_QUEUE=%d and all that is fixed need %dMiB; choose at least %dMiB, or shorter queues",
			d.Max, d.SinkQueue, d.SlowQueue, enough(fixed), enough(fixed+leastRoom))
	}
	b := Budget{Flows: d.Flows, Finished: d.Finished, InFlight: room / 4}
	left := room - b.InFlight
	if d.Rekey {
		b.InFlight /= 2
	}
	if b.Flows == 0 {
		b.Flows = room / 2
	}
	if b.Finished == 0 {
		b.Finished = int(room / 4 / Bytes(d.UIDBytes))
	}
	if held := b.Flows + Bytes(b.Finished)*Bytes(d.UIDBytes); held > left {
		return Budget{}, fmt.Errorf("SERVEFLOW_MAX_FLOW_BYTES=%v and SERVEFLOW_MAX_FINISHED=%d need %v, SERVEFLOW_MAX_MEMORY=%v leaves %v for them: lower one of the first two, or set the third to at least %dMiB",
			b.Flows, b.Finished, held, d.Max, left, enough(fixed+d.room()))
	}
	return b, nil
}

// room is how much must be left beside what is fixed, so that the parts that are set fit. A part
// without a setting gets its share of that room.
func (d Demand) room() Bytes {
	uids := Bytes(d.Finished) * Bytes(d.UIDBytes)
	switch {
	case d.Flows == 0:
		return 4 * uids
	case d.Finished == 0:
		return 2 * d.Flows
	}
	return ((d.Flows+uids)/3 + 1) * 4
}

// enough returns the SERVEFLOW_MAX_MEMORY, in whole MiB, of which Go's heap may hold so much.
func enough(held Bytes) Bytes {
	return ((held+1)/2*3 + outsideGo + MiB - 1) / MiB
}

// Limit sets Go's memory limit so that the whole process stays below max. It does nothing if
// GOMEMLIMIT sets the limit.
func Limit(max Bytes) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(max - outsideGo))
	}
}

// Model is how much memory loading a bundle may take in a process that does nothing else. It
// is what the serving process has for models, and twice what bundles/service takes.
const Model = outsideGo + models
