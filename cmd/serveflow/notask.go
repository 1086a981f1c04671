package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// noTask is the error of a task whose bundle is not in bundles/, with those that are; nil where it
// is there, or where there is nothing to name.
func (s *Settings) noTask(dir string) error {
	if _, err := os.Stat(dir); err == nil || s.Bundle != "" {
		return nil
	}
	var there []string
	for _, place := range bundlePlaces("*") {
		manifests, _ := filepath.Glob(filepath.Join(place, "manifest.json"))
		for _, manifest := range manifests {
			there = append(there, filepath.Base(filepath.Dir(manifest)))
		}
		if there != nil {
			return fmt.Errorf("there is no bundle %s: the tasks in %s are %s; name one of them by --task or SERVEFLOW_TASK, or the folder of a bundle by --bundle or SERVEFLOW_BUNDLE",
				dir, filepath.Dir(place), strings.Join(there, ", "))
		}
	}
	return nil
}
