package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"syscall"
)

// Limits on the bytes that are read.
const (
	maxManifest = 4 << 20
	maxFiles    = 256 << 20 // all listed files together
)

// folder reads files of one folder only.
type folder struct {
	root *os.Root
}

func openFolder(dir string) (folder, error) {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return folder{}, errors.New("not a folder; unpack an archive, as none is read here, and name the folder with --bundle or SERVEFLOW_BUNDLE")
	}
	root, err := os.OpenRoot(dir)
	if os.IsNotExist(err) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return folder{}, fmt.Errorf("the folder cannot be read: %w; name a bundle's folder with --bundle or SERVEFLOW_BUNDLE", err)
	}
	return folder{root}, nil
}

// read gives a file's content, of at most limit bytes. It does not block on a name that
// is a pipe: opening one would wait for its writer.
func (f folder) read(name string, limit int64) ([]byte, error) {
	info, err := f.root.Lstat(name)
	switch {
	case os.IsNotExist(err) && name == manifestFile:
		return nil, fmt.Errorf("%s: there is none; name a bundle's folder with --bundle or SERVEFLOW_BUNDLE", name)
	case os.IsNotExist(err):
		return nil, fmt.Errorf("%s: the manifest lists it, but it is not there; %s", name, copyAgain)
	case err != nil:
		return nil, fmt.Errorf("%s: %w; check the folder's permissions", name, err)
	}
	if err := checkFile(name, info, limit); err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; check the file's permissions", name, err)
	}
	defer file.Close()
	// The file may have been replaced between Lstat and Open.
	if info, err = file.Stat(); err != nil {
		return nil, fmt.Errorf("%s: %w; check the file's permissions", name, err)
	}
	if err := checkFile(name, info, limit); err != nil {
		return nil, err
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, fmt.Errorf("%s: %w; %s", name, err, copyAgain)
	}
	return data, nil
}

func checkFile(name string, info fs.FileInfo, limit int64) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: not a plain file but a link, folder, pipe or device; put the file itself there", name)
	case info.Size() > limit && name == manifestFile:
		return fmt.Errorf("%s: %d bytes, the limit is %d; %s", name, info.Size(), limit, rewrite)
	case info.Size() > limit:
		return fmt.Errorf("%s: %d bytes, and the limit of all files together, %d, leaves %d; train smaller models", name, info.Size(), int64(maxFiles), limit)
	}
	return nil
}

// readAll gives the content of all listed files. Each is read once, so the content that
// is used is the one whose digest was checked.
func (f folder) readAll(digests map[string]string) (map[string][]byte, error) {
	files := make(map[string][]byte, len(digests))
	room := int64(maxFiles)
	for _, name := range slices.Sorted(maps.Keys(digests)) {
		data, err := f.read(name, room)
		if err != nil {
			return nil, err
		}
		room -= int64(len(data))
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != digests[name] {
			return nil, fmt.Errorf("%s: its SHA-256 is %s, and %s in the manifest: the file was changed; %s", name, got, digests[name], copyAgain)
		}
		files[name] = data
	}
	return files, nil
}

// unlisted gives the names of files that are not listed.
func (f folder) unlisted(digests map[string]string) (names []string) {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return nil // they are only reported
	}
	for _, e := range entries {
		if _, listed := digests[e.Name()]; !listed && e.Name() != manifestFile {
			names = append(names, e.Name())
		}
	}
	return names
}
