package bundle

import (
	"encoding/json"
	"fmt"
	"io"
)

// event is a line that the process of a trial writes.
type event struct {
	At     string `json:"at,omitempty"`     // the file that is used from now on
	Report string `json:"report,omitempty"` // a check that passed
	Error  string `json:"error,omitempty"`  // why the bundle is refused; on the last line
	Digest string `json:"digest,omitempty"` // of the bundle, if it passed; on the last line

	Without []string `json:"without,omitempty"` // stages that do not need their engine's library; beside the digest
}

// Try is the work of a process that a Trial starts. It limits its own process, loads the
// bundle in dir with all checks, calls every model with rows of edge values, and writes
// to w what it does. It ends the process if that takes too long, so the process must not
// do anything else.
func Try(dir string, engines Engines, l Limits, w io.Writer) error {
	out := json.NewEncoder(w)
	last := event{}
	err := l.apply()
	if err != nil {
		err = fmt.Errorf("bundle %s: the limits of its trial cannot be set: %w; see to it that /proc is there", dir, err)
	} else {
		last, err = tryOut(dir, engines, l, out)
		out.Encode(event{Report: fmt.Sprintf("trial: at most %d MiB resident; %d MiB beyond the start would have ended it", peakMemory()>>20, l.Memory>>20)})
	}
	if err != nil {
		last = event{Error: err.Error()}
	}
	return out.Encode(last)
}

func tryOut(dir string, engines Engines, l Limits, out *json.Encoder) (passed event, err error) {
	at := ""
	p := progress{
		report: func(format string, args ...any) { out.Encode(event{Report: fmt.Sprintf(format, args...)}) },
		at: func(file string) {
			if file != at {
				out.Encode(event{At: file})
			}
			at = file
		},
	}
	b, err := load(dir, engines, p, nil)
	if err != nil && isOutOfMemory(err.Error()) {
		return passed, fmt.Errorf("bundle %s: %s: %s", dir, at, l.memoryExceeded(err.Error()))
	}
	if err != nil {
		return passed, err
	}
	defer b.Close()
	for i := range b.Stages {
		p.at(b.Stages[i].Spec.File)
		if err := b.Stages[i].checkEdges(); err != nil {
			return passed, fmt.Errorf("bundle %s: %s: %w; %s", dir, b.Stages[i].Spec.File, err, rewrite)
		}
		if m, ok := b.Stages[i].Model.(librarian); ok && !m.NeedsLibrary() {
			passed.Without = append(passed.Without, b.Stages[i].Spec.Name)
		}
	}
	passed.Digest = b.Digest
	return passed, nil
}

// librarian is a model of an engine that has a library, which the model may not need.
type librarian interface{ NeedsLibrary() bool }
