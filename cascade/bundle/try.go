package bundle

import (
	"encoding/json"
	"fmt"
	"io"
)

// event is a line that a process which tries a bundle out writes.
type event struct {
	At     string `json:"at,omitempty"`     // file that is worked with from now on
	Report string `json:"report,omitempty"` // a thing that was checked
	Error  string `json:"error,omitempty"`  // why the bundle is refused: the last line
	Digest string `json:"digest,omitempty"` // of the bundle, which passed: the last line
}

// Try is the work of a process that a Trial starts: it limits itself, loads the
// bundle in dir with all its checks, asks every model for rows at the edges, and
// writes to w what it does. It ends the process where that takes too long, so it is
// for a process that does nothing else.
func Try(dir string, engines Engines, l Limits, w io.Writer) error {
	out := json.NewEncoder(w)
	digest := ""
	err := l.set()
	if err != nil {
		err = fmt.Errorf("bundle %s: the limits of its trial cannot be set: %w; see to it that /proc is there", dir, err)
	} else {
		digest, err = tryOut(dir, engines, l, out)
		out.Encode(event{Report: fmt.Sprintf("trial: at most %d MiB resident; %d MiB beyond the start would have ended it", peak()>>20, l.Memory>>20)})
	}
	last := event{Digest: digest}
	if err != nil {
		last = event{Error: err.Error()}
	}
	return out.Encode(last)
}

func tryOut(dir string, engines Engines, l Limits, out *json.Encoder) (digest string, err error) {
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
	b, err := load(dir, engines, p)
	if err != nil && lacksMemory(err.Error()) {
		return "", fmt.Errorf("bundle %s: %s: %s", dir, at, l.exceeded(err.Error()))
	}
	if err != nil {
		return "", err
	}
	defer b.Close()
	for i := range b.Stages {
		p.at(b.Stages[i].Spec.File)
		if err := b.Stages[i].askEdges(); err != nil {
			return "", fmt.Errorf("bundle %s: %s: %w; %s", dir, b.Stages[i].Spec.File, err, rewrite)
		}
	}
	return b.Digest, nil
}
