//go:build !linux

package process

import "syscall"

// dieWithParent is for Linux alone: elsewhere a program outlives a killed test process.
func dieWithParent() *syscall.SysProcAttr { return nil }
