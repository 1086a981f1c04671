package ship

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// stateVersion is what the state file says it is written by.
const stateVersion = 1

// state is what the state file holds.
type state struct {
	Version int                  `json:"version"`
	Saved   time.Time            `json:"saved"`
	Paths   map[string]pathState `json:"paths"` // by absolute path
}

// pathState is what is known of one path: its files that are not written to
// their end for good, oldest first; the last one is the newest that was seen.
type pathState struct {
	CaughtUp time.Time   `json:"caught_up,omitzero"` // when everything was last in Kafka
	Files    []fileState `json:"files"`
}

// fileState is how far one file is written for good.
type fileState struct {
	identity
	Offset int64 `json:"offset"`         // everything below it is written
	Header int64 `json:"header"`         // of the TSV header in force there
	Size   int64 `json:"size"`           // when last seen
	Done   bool  `json:"done,omitempty"` // an archive that is written whole
}

// checkpoint keeps the state file, and its lock: two shippers that write one
// file would each put the other's paths back. The lock is a file of its own
// because the state file is replaced by every write.
type checkpoint struct {
	path string
	lock *os.File
}

// openCheckpoint takes the lock and reads the state; an absent file is an empty one.
func openCheckpoint(path string) (*checkpoint, state, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, state{}, fmt.Errorf("ship: no folder for the state file: %w; name another by SERVEFLOW_SHIP_STATE", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, state{}, fmt.Errorf("ship: no lock for the state file: %w; name another by SERVEFLOW_SHIP_STATE", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, state{}, fmt.Errorf("ship: another shipper uses the state file %s: stop it, or name another file by SERVEFLOW_SHIP_STATE", path)
	}
	st, err := readState(path)
	if err != nil {
		lock.Close()
		return nil, state{}, err
	}
	return &checkpoint{path, lock}, st, nil
}

func readState(path string) (state, error) {
	st := state{Paths: map[string]pathState{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return st, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &st)
	}
	if err == nil && st.Version != stateVersion {
		err = fmt.Errorf("its version is %d, this shipper's is %d", st.Version, stateVersion)
	}
	if err != nil {
		return st, fmt.Errorf("ship: state file %s: %w; put it right, or move it away to read every path from its start", path, err)
	}
	return st, nil
}

// save replaces the state file in one step: whatever happens, the old or the new
// one is there, whole.
func (c *checkpoint) save(st state) error {
	text, err := json.MarshalIndent(st, "", " ")
	if err != nil {
		return err
	}
	if err := c.replace(append(text, '\n')); err != nil {
		return fmt.Errorf("ship: cannot write the state file: %w; shipping goes on, and after a restart more is written twice; make room or mend the folder", err)
	}
	return nil
}

func (c *checkpoint) replace(text []byte) error {
	temp := c.path + ".tmp"
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, c.path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(c.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// close lets go of the lock.
func (c *checkpoint) close() error { return c.lock.Close() }
