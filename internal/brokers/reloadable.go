package brokers

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
)

// maxFile bounds a file of certificates or a password, in bytes.
const maxFile = 1 << 20

// reloadable is a value that is parsed from files. The files are read again at each
// use, so an operator can replace them without a restart. While the files cannot be
// used, for example after a certificate is written and before its key is, the last
// good value stays.
type reloadable[T any] struct {
	files []string
	parse func(texts [][]byte) (T, error)
	log   *slog.Logger

	mu    sync.Mutex
	texts [][]byte // what value was parsed from
	value T
	fault string // the last error that was logged; empty: the files are good
}

// newReloadable reads the files for the first time. There is no earlier value yet, so
// it returns an error where they cannot be used.
func newReloadable[T any](log *slog.Logger, parse func([][]byte) (T, error), files ...string) (*reloadable[T], error) {
	r := &reloadable[T]{files: files, parse: parse, log: log}
	texts, err := r.read()
	if err != nil {
		return nil, err
	}
	r.texts = texts
	r.value, err = parse(texts)
	return r, err
}

// current returns the value of the files as they are now, or the last good one.
func (r *reloadable[T]) current() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	texts, err := r.read()
	if err == nil && slices.EqualFunc(texts, r.texts, bytes.Equal) {
		r.fault = ""
		return r.value
	}
	var fresh T
	if err == nil {
		fresh, err = r.parse(texts)
	}
	switch {
	case err == nil:
		r.texts, r.value, r.fault = texts, fresh, ""
		r.log.Info("replaced under way: in use from now on", "files", r.files)
	case err.Error() != r.fault:
		r.fault = err.Error()
		r.log.Error("cannot be used: the last good one stays in use", "files", r.files, "err", err)
	}
	return r.value
}

func (r *reloadable[T]) read() (texts [][]byte, err error) {
	for _, name := range r.files {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || info.Size() > maxFile {
			return nil, fmt.Errorf("%s: not a file of at most %d bytes", name, maxFile)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}
