//go:build !linux

package faults

import "testing"

// fullDisk needs a small file system of its own, which only Linux gives us.
func fullDisk(*testing.T) {}
