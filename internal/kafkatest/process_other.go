//go:build !linux

package kafkatest

import "syscall"

// dieWithParent is for Linux alone: elsewhere a broker outlives a killed test process.
func dieWithParent() *syscall.SysProcAttr { return nil }
