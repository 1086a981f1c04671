//go:build race

package main

// detectorMemory is what the race detector may take for a bundle that is tried out: it keeps a record of what is read and written.
const detectorMemory = 256 << 20
