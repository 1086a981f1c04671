package main

import (
	"errors"
	"os"
	"path/filepath"
)

// canMake refuses, before anything is computed, a file or folder that could not be made in the end.
func canMake(flag, name string) error {
	folder := filepath.Dir(name)
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return argumentError("%s %s: there is no folder %s; make it (mkdir -p %s), or name another", flag, name, folder, folder)
	case err == nil && !info.IsDir():
		return argumentError("%s %s: %s is no folder; name another", flag, name, folder)
	}
	trial, err := os.CreateTemp(folder, ".serveflow-*")
	if err != nil {
		return argumentError("%s %s: nothing can be written to the folder %s (%w); name another", flag, name, folder, errors.Unwrap(err))
	}
	return errors.Join(trial.Close(), os.Remove(trial.Name()))
}

// canWrite refuses a file that could not be written in the end.
func canWrite(flag, name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return argumentError("%s %s: it is a folder; name a file in it, such as %s", flag, name, filepath.Join(name, "page.html"))
	}
	return canMake(flag, name)
}
