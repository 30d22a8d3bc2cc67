//go:build !(linux || darwin || freebsd)

package store

import "errors"

// Room is not known here.
func Room(string) (uint64, error) { return 0, errors.ErrUnsupported }
