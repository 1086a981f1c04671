package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
)

// Fingerprint tells one state of a bundle's folder from another, without reading its models.
type Fingerprint struct {
	Digest string // as Bundle.Digest; empty if there is no manifest that can be read
	Files  string // of the names, sizes and times of all files
}

// FingerprintOf looks at the bundle in dir. A folder that cannot be read has a fingerprint, too.
func FingerprintOf(dir string) Fingerprint {
	folder, err := openFolder(dir)
	if err != nil {
		return Fingerprint{Files: err.Error()}
	}
	defer folder.root.Close()
	var f Fingerprint
	if data, err := folder.read(manifestFile, maxManifest); err == nil {
		sum := sha256.Sum256(data)
		f.Digest = hex.EncodeToString(sum[:])
	}
	entries, err := fs.ReadDir(folder.root.FS(), ".")
	if err != nil {
		f.Files = err.Error()
		return f
	}
	files := sha256.New()
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // else it has just been removed
			fmt.Fprintf(files, "%q %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	f.Files = hex.EncodeToString(files.Sum(nil))
	return f
}
