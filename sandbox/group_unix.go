//go:build unix && !linux

package sandbox

import "syscall"

// ownGroup puts a process into a group of its own, out of reach of the terminal's signals.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
