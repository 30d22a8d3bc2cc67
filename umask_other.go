//go:build !unix

package main

// privateFiles does nothing where files have owners but no umask.
func privateFiles() {}
