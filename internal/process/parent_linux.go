package process

import "syscall"

// dieWithParent tells the kernel to kill the program when the test process ends. A test
// process that ends by a panic, a timeout or a SIGKILL runs no clean-up.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
