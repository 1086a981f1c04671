package ship

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The state file's format does not change: a new shipper reads the state of an old one.
func TestStateFileFormat(t *testing.T) {
	const text = `{
 "version": 1,
 "saved": "2026-11-24T10:00:00Z",
 "paths": {
  "/logs/serveflow.log": {
   "caught_up": "2026-11-24T09:59:00Z",
   "files": [
    {
     "device": 7,
     "inode": 9,
     "head": "abc",
     "head_bytes": 1024,
     "offset": 400,
     "header": 20,
     "size": 500
    }
   ]
  }
 }
}
`
	path := filepath.Join(t.TempDir(), "ship.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	checkpoint, st, err := openCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	defer checkpoint.close()
	file := st.Paths["/logs/serveflow.log"].Files[0]
	want := fileState{Device: 7, Inode: 9, Head: "abc", HeadBytes: 1024, Offset: 400, Header: 20, Size: 500}
	if file != want || st.Saved != time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) {
		t.Errorf("read %+v, want %+v", st, want)
	}
	if id := file.identity(); id != (identity{inode{7, 9}, "abc", 1024}) {
		t.Errorf("identity %+v", id)
	}
	if err := checkpoint.save(st); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(text) {
		t.Errorf("wrote %s, %v", got, err)
	}
}
