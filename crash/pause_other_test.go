//go:build !linux

package crash

import "syscall"

// pause stops the process, soon: only Linux is asked when it has stopped.
func (b *bridge) pause() { b.cmd.Process.Signal(syscall.SIGSTOP) }
