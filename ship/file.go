package ship

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

const (
	// headBytes is how much of a file's beginning tells it from others.
	headBytes = 1 << 10
	// tellingHead is the least that may tell a file by itself, without its inode.
	tellingHead = 256
)

// inode is a file's place on its device.
type inode struct {
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
}

func inodeOf(info os.FileInfo) inode {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return inode{uint64(st.Dev), st.Ino}
	}
	return inode{}
}

// identity tells a file from others, whatever its name: by inode, and by a hash
// of its first bytes, because an inode is given to another file once it is free.
type identity struct {
	inode
	Head      string `json:"head"`       // SHA-256 of the first HeadBytes bytes
	HeadBytes int    `json:"head_bytes"` // 1024, or what there was
}

func identify(at inode, head []byte) identity {
	sum := sha256.Sum256(head)
	return identity{at, hex.EncodeToString(sum[:]), len(head)}
}

// heads reports whether a file's beginning is the one of this identity.
func (id identity) heads(f io.ReaderAt) bool {
	head, err := readHead(f, id.HeadBytes)
	return err == nil && len(head) == id.HeadBytes && identify(id.inode, head) == id
}

// readHead reads the first n bytes of a file, or what there is.
func readHead(f io.ReaderAt, n int) ([]byte, error) {
	head := make([]byte, n)
	n, err := f.ReadAt(head, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}

// openRegular opens a file to follow; what is not a regular file is an error.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	// Without O_NONBLOCK a FIFO that took the path would hold the open for ever.
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

// compressed reports whether a file begins as gzip or zstd.
func compressed(f io.ReaderAt) bool {
	head, _ := readHead(f, 4)
	return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd})
}
