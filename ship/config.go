// Package ship writes the lines of Zeek's logs to Kafka, keyed by uid. It follows files while they
// grow and rotate, reads archives, FIFOs and standard input, and records how far each is
// acknowledged.
package ship

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Stdin is the path of standard input.
const Stdin = "-"

// Config configures a shipper.
type Config struct {
	Paths []string // files to follow, archives, FIFOs, or "-" for standard input
	Topic string   // of the records
	State string   // the state file: how far each path is acknowledged

	Checkpoint   time.Duration // time between two writes of State
	Poll         time.Duration // time between two reads of a file without new lines
	DrainTimeout time.Duration // how long a stop waits for records in flight
	Lateness     time.Duration // disorder in record time that flow tables bear; files may be apart by a fifth of it
}

// Validate returns an error that names the first setting or path that makes no sense.
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
	files := map[string]os.FileInfo{}
	for _, path := range c.Paths {
		name, err := filepath.Abs(path)
		switch {
		case err != nil:
			return fmt.Errorf("ship: %s: %w", path, err)
		case seen[name]:
			return fmt.Errorf("ship: %s is named twice: name it once", path)
		}
		seen[name] = true
		info, err := os.Stat(path)
		if path == Stdin || err != nil {
			continue // it may come later
		}
		if info.IsDir() {
			return fmt.Errorf("ship: %s is a directory: name the logs in it, as in %s/serveflow.log", path, path)
		}
		if !info.Mode().IsRegular() && !isFIFO(info) {
			return fmt.Errorf("ship: %s is neither a file nor a FIFO: name a log, or - for standard input", path)
		}
		for other, its := range files {
			if os.SameFile(info, its) {
				return fmt.Errorf("ship: %s and %s are one file, by a link: name it once", other, path)
			}
		}
		files[path] = info
	}
	return nil
}
