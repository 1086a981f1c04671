//go:build !linux

package onnx

// trim does nothing: this system's allocator has no such call.
func trim() {}
