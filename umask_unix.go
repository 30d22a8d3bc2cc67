//go:build unix

package main

import "syscall"

// privateFiles keeps every file the program makes, whatever library makes it, from everybody but its user.
func privateFiles() { syscall.Umask(0o077) }
