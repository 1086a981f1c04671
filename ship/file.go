package ship

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/serveflow/serveflow/flow/zeek/logfile"
	"github.com/serveflow/serveflow/internal/decompress"
)

const (
	// headBytes is how many bytes of a file's beginning identify it.
	headBytes = 1 << 10
	// minHeadBytes is the least number of bytes that identify a file without its inode.
	minHeadBytes = 256
)

// inode is the device and inode number of a file.
type inode struct {
	device uint64
	number uint64
}

func inodeOf(info os.FileInfo) inode {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return inode{uint64(st.Dev), st.Ino}
	}
	return inode{}
}

// identity identifies a file whatever its name is: by its inode, and by a hash of its first bytes,
// because a free inode is given to another file.
type identity struct {
	inode     inode
	head      string // SHA-256 of the first headBytes bytes, hex
	headBytes int    // 1024, or fewer where the file had fewer
}

func identify(at inode, head []byte) identity {
	sum := sha256.Sum256(head)
	return identity{at, hex.EncodeToString(sum[:]), len(head)}
}

// matches reports whether a file begins as this identity says.
func (id identity) matches(f io.ReaderAt) bool {
	head, err := readHead(f, id.headBytes)
	return err == nil && len(head) == id.headBytes && identify(id.inode, head) == id
}

// readHead reads the first n bytes of a file, or fewer where it has fewer.
func readHead(f io.ReaderAt, n int) ([]byte, error) {
	head := make([]byte, n)
	n, err := f.ReadAt(head, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}

// openRegular opens a file to follow. It returns an error where that is not a regular file.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	// Without O_NONBLOCK the call blocks where the path is a FIFO now.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file any more: move it away, or start again", path)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// compressed reports whether a file begins like one that is compressed.
func compressed(f io.ReaderAt) bool {
	head, _ := readHead(f, decompress.HeadBytes)
	return decompress.Format(head) != ""
}

// noLog says why a file cannot be shipped, by its beginning; empty where it may be a log or an
// archive of one.
func noLog(f io.ReaderAt) string {
	head, _ := readHead(f, logfile.HeadBytes)
	return logfile.NoLog(head)
}
