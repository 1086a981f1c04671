// Package onnx scores rows with ONNX models, by ONNX Runtime. It is the only package with
// cgo. The library is a shared object that is loaded when it is needed.
package onnx

import (
	"debug/elf"
	"fmt"
	"strconv"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// needed is the oldest minor release of ONNX Runtime 1 that works with the binding.
const needed = 24

// A process can have ONNX Runtime only once, and the binding has global state too. So this
// is global as well: it counts the users, which are the open Runtimes and Models.
var process struct {
	mu      sync.Mutex
	library string
	users   int
}

// Runtime keeps the process's ONNX Runtime loaded.
type Runtime struct {
	close sync.Once
}

// Start loads the shared library at path, or shares it if it is loaded already. Each
// Runtime and each Model must be closed, in any order; the last one unloads the library.
// The error of a file that is no library, or too old, says what was found.
func Start(path string) (*Runtime, error) {
	process.mu.Lock()
	defer process.mu.Unlock()
	if process.users > 0 {
		if process.library != path {
			return nil, fmt.Errorf("onnx: %s is in use, so %s cannot be loaded; restart to change the library", process.library, path)
		}
		process.users++
		return &Runtime{}, nil
	}
	if err := checkLibrary(path); err != nil {
		return nil, fmt.Errorf("onnx: %s: %w", path, err)
	}
	ort.SetSharedLibraryPath(path)
	// Each call returns its errors, so ONNX Runtime does not have to write them to stderr.
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		if strings.Contains(err.Error(), "setting ORT API base") {
			err = fmt.Errorf("this ONNX Runtime is older than 1.%d", needed)
		}
		return nil, fmt.Errorf("onnx: %s: %w; %s", path, err, remedy)
	}
	process.library, process.users = path, 1
	return &Runtime{}, nil
}

// Close ends the use of ONNX Runtime. Closing twice is harmless.
func (r *Runtime) Close() (err error) {
	r.close.Do(func() { err = release() })
	return err
}

// retain keeps the library loaded until release.
func retain() {
	process.mu.Lock()
	defer process.mu.Unlock()
	process.users++
}

func release() error {
	process.mu.Lock()
	defer process.mu.Unlock()
	process.users--
	if process.users > 0 {
		return nil
	}
	return ort.DestroyEnvironment()
}

// checkLibrary reads the release from the version of a symbol, before any code of the
// library runs. The binding cannot distinguish an old library from a broken one.
func checkLibrary(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("not a shared library: %w; %s", err, remedy)
	}
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("not a shared library: %w; %s", err, remedy)
	}
	for _, symbol := range symbols {
		if symbol.Name != "OrtGetApiBase" || symbol.Section == elf.SHN_UNDEF {
			continue
		}
		if release, ok := strings.CutPrefix(symbol.Version, "VERS_"); ok && !recent(release) {
			return fmt.Errorf("this is ONNX Runtime %s, but 1.%d or newer is needed; %s", release, needed, remedy)
		}
		return nil
	}
	return fmt.Errorf("not ONNX Runtime: it has no OrtGetApiBase; %s", remedy)
}

// recent reports whether a release such as 1.24.4 is new enough.
func recent(release string) bool {
	parts := strings.Split(release, ".")
	if len(parts) < 2 {
		return false
	}
	major, err := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return err == nil && err2 == nil && (major > 1 || major == 1 && minor >= needed)
}
