//go:build !race

package main

// detectorMemory is for builds with the race detector.
const detectorMemory = 0
