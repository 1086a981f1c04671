package brokers

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
)

// maxFile bounds what is read of a file of certificates or a password, in bytes.
const maxFile = 1 << 20

// kept is what some files hold, read anew at each use, so that they may be replaced
// under way. While they cannot be used, as between the writing of a certificate and
// of its key, the last that could stays.
type kept[T any] struct {
	files []string
	parse func(texts [][]byte) (T, error)
	log   *slog.Logger

	mu    sync.Mutex
	texts [][]byte // what good was made of
	good  T
	fault string // what keeps the files from being used now; empty: nothing
}

// keep reads the files a first time: then nothing stands in for what is bad.
func keep[T any](log *slog.Logger, parse func([][]byte) (T, error), files ...string) (*kept[T], error) {
	k := &kept[T]{files: files, parse: parse, log: log}
	texts, err := k.read()
	if err != nil {
		return nil, err
	}
	k.texts = texts
	k.good, err = parse(texts)
	return k, err
}

// now gives what the files hold, or the last that could be used.
func (k *kept[T]) now() T {
	k.mu.Lock()
	defer k.mu.Unlock()
	texts, err := k.read()
	if err == nil && slices.EqualFunc(texts, k.texts, bytes.Equal) {
		k.fault = ""
		return k.good
	}
	var fresh T
	if err == nil {
		fresh, err = k.parse(texts)
	}
	switch {
	case err == nil:
		k.texts, k.good, k.fault = texts, fresh, ""
		k.log.Info("replaced under way: in use from now on", "files", k.files)
	case err.Error() != k.fault:
		k.fault = err.Error()
		k.log.Error("cannot be used: the last good one stays in use", "files", k.files, "err", err)
	}
	return k.good
}

func (k *kept[T]) read() (texts [][]byte, err error) {
	for _, name := range k.files {
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
