package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 256 << 20

// folder reads files of one folder and of no other.
type folder struct {
	*os.Root
}

func openFolder(dir string) (folder, error) {
	root, err := os.OpenRoot(dir)
	if os.IsNotExist(err) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return folder{}, fmt.Errorf("the folder cannot be read: %w; name a bundle's folder with --bundle or SERVEFLOW_BUNDLE", err)
	}
	return folder{root}, nil
}

// read gives a file's content.
func (f folder) read(name string) ([]byte, error) {
	info, err := f.Lstat(name)
	switch {
	case os.IsNotExist(err) && name == manifestFile:
		return nil, fmt.Errorf("%s: there is none; name a bundle's folder with --bundle or SERVEFLOW_BUNDLE", name)
	case os.IsNotExist(err):
		return nil, fmt.Errorf("%s: the manifest lists it, but it is not there; %s", name, copyAgain)
	case err != nil:
		return nil, fmt.Errorf("%s: %w; check the folder's permissions", name, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a plain file but a link or folder; put the file itself there", name)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s: %d bytes, the limit is %d; train a smaller model", name, info.Size(), maxFile)
	}
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; check the file's permissions", name, err)
	}
	return data, nil
}

// readAll gives the content of all listed files. They are read once, so that what is
// used is what had the right digest.
func (f folder) readAll(digests map[string]string) (map[string][]byte, error) {
	files := make(map[string][]byte, len(digests))
	for _, name := range sortedKeys(digests) {
		data, err := f.read(name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != digests[name] {
			return nil, fmt.Errorf("%s: its SHA-256 is %s, and %s in the manifest: the file was changed; %s", name, got, digests[name], copyAgain)
		}
		files[name] = data
	}
	return files, nil
}

// strays gives the names of files that are not listed.
func (f folder) strays(digests map[string]string) (names []string) {
	entries, err := fs.ReadDir(f.FS(), ".")
	if err != nil {
		return nil // they are only noted
	}
	for _, e := range entries {
		if _, listed := digests[e.Name()]; !listed && e.Name() != manifestFile {
			names = append(names, e.Name())
		}
	}
	return names
}
