// Package ship brings the lines of Zeek's logs into Kafka, keyed by uid: it
// follows files as they grow and rotate, reads archives, FIFOs and standard
// input, and remembers how far what it read is written for good.
package ship

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// Config is what a shipper is built with.
type Config struct {
	Paths []string // files to follow, archives, FIFOs, or "-" for standard input
	Topic string   // where records go
	State string   // file that remembers how far each path is written

	Checkpoint   time.Duration // time between two writes of State
	Poll         time.Duration // time between two looks at a file that had nothing new
	DrainTimeout time.Duration // how long a stop waits for records under way
}

// Validate names the first setting or path that makes no sense.
func (c Config) Validate() error {
	switch {
	case len(c.Paths) == 0:
		return errors.New("ship: name a log to follow, or - for standard input")
	case c.Topic == "":
		return errors.New("ship: the topic needs a name: set SERVEFLOW_TOPIC")
	case c.State == "":
		return errors.New("ship: the state file needs a name: set SERVEFLOW_SHIP_STATE")
	case c.Checkpoint <= 0:
		return fmt.Errorf("ship: SERVEFLOW_SHIP_CHECKPOINT is %v: choose a time above 0", c.Checkpoint)
	case c.Poll <= 0:
		return fmt.Errorf("ship: SERVEFLOW_SHIP_POLL is %v: choose a time above 0", c.Poll)
	case c.DrainTimeout <= 0:
		return fmt.Errorf("ship: SERVEFLOW_DRAIN_TIMEOUT is %v: choose a time above 0", c.DrainTimeout)
	}
	seen := map[string]bool{}
	for _, path := range c.Paths {
		name, err := filepath.Abs(path)
		switch {
		case err != nil:
			return fmt.Errorf("ship: %s: %w", path, err)
		case seen[name]:
			return fmt.Errorf("ship: %s is named twice: name it once", path)
		}
		seen[name] = true
		if info, err := os.Stat(path); path != Stdin && err == nil && info.IsDir() {
			return fmt.Errorf("ship: %s is a directory: name the logs in it, as in %s/serveflow.log", path, path)
		}
	}
	return nil
}
