//go:build unix

package main

import "syscall"

// privateFiles makes every file that the program creates, in whatever library, readable by its user only. It also forbids core dumps: memory
// holds the token, the password and texts.
func privateFiles() {
	syscall.Umask(0o077)
	var core syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &core) == nil {
		core.Cur = 0
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &core) // where this is forbidden, as in the unit, the limit is set already
	}
}
