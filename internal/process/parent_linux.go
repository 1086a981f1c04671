package process

import "syscall"

// dieWithParent has the kernel kill the program when the test process ends,
// also by a panic, a timeout or a SIGKILL, where no clean-up runs.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
