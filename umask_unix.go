//go:build unix

package main

import "syscall"

// privateFiles keeps every file the program makes, whatever library makes it, from everybody but its user. Its memory, which holds the
// token, the password and texts, goes into no file at all.
func privateFiles() {
	syscall.Umask(0o077)
	var core syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &core) == nil {
		core.Cur = 0
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &core) // where the system forbids it, as the unit does, it has set the limit itself
	}
}
