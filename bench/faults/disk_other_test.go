//go:build !linux

package faults

import "testing"

// fullDisk needs a small file system, which only Linux can mount here.
func fullDisk(*testing.T) {}
