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

// stateVersion is the version of the state file's format.
const stateVersion = 1

// state is the content of the state file.
type state struct {
	Version int                  `json:"version"`
	Saved   time.Time            `json:"saved"`
	Paths   map[string]pathState `json:"paths"` // by absolute path
}

// pathState is the state of one path: its files that are not written completely, the oldest
// first, and the newest file of all.
type pathState struct {
	CaughtUp time.Time   `json:"caught_up,omitzero"` // when everything was last in Kafka
	Files    []fileState `json:"files"`
}

// fileState is how far one file is written. The first four fields identify the file.
type fileState struct {
	Device    uint64 `json:"device"`
	Inode     uint64 `json:"inode"`
	Head      string `json:"head"`       // SHA-256 of the first HeadBytes bytes, hex
	HeadBytes int    `json:"head_bytes"` // 1024, or the file's size then

	Offset int64 `json:"offset"`         // all lines below it are acknowledged
	Header int64 `json:"header"`         // offset of the TSV header in force there
	Size   int64 `json:"size"`           // when it was last read
	Done   bool  `json:"done,omitempty"` // for an archive: it is written as a whole
}

func (s fileState) identity() identity {
	return identity{inode{s.Device, s.Inode}, s.Head, s.HeadBytes}
}

// checkpoint holds the state file and its lock: two shippers with one state file would each
// overwrite the other's paths. The lock is another file, because every write replaces the state
// file.
type checkpoint struct {
	path string
	lock *os.File
}

// openCheckpoint takes the lock and reads the state. A state file that does not exist is empty.
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
		return nil, state{}, fmt.Errorf("ship: another shipper uses the state file %s: stop it; or, to ship a file that it missed, leave it running and call: %s", path, shipBeside(path, "FILE"))
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

// save replaces the state file in one step: after a crash, the old or the new one is there as a
// whole.
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

// close releases the lock.
func (c *checkpoint) close() error { return c.lock.Close() }
