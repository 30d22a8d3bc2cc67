package sandbox

import "syscall"

// ownGroup puts a process into a group of its own, out of reach of the terminal's signals, and has it end when the sandbox is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
