//go:build linux || darwin || freebsd

package store

import "syscall"

// Room returns how many bytes this user can still write to the disk that dir is on.
func Room(dir string) (uint64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return 0, err
	}
	return uint64(disk.Bavail) * uint64(disk.Bsize), nil
}
