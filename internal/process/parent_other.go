//go:build !linux

package process

import "syscall"

// dieWithParent does something on Linux only: elsewhere a program outlives a killed test
// process.
func dieWithParent() *syscall.SysProcAttr { return nil }
