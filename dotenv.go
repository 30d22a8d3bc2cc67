package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// unwritable is the name of a setting whose value a .env file cannot hold.
type unwritable string

func (u unwritable) Error() string { return string(u) + " cannot be written into .env" }

// setDotEnv returns the text of a .env file with values set in it, or an unwritable setting. A value replaces the old one, or follows the line that shows it as a comment,
// or comes at the end. Any other line that sets it is removed; all other lines stay.
func setDotEnv(text []byte, values map[string]string) ([]byte, error) {
	var b bytes.Buffer
	left := maps.Clone(values)
	write := func(name string) error {
		quoted, err := quote(left[name])
		if err != nil {
			return unwritable(name)
		}
		fmt.Fprintf(&b, "%s=%s\n", name, quoted)
		delete(left, name)
		return nil
	}
	for _, statement := range statements(text) {
		named, err := parseDotEnv(statement)
		if err != nil {
			return nil, err
		}
		for name := range named { // one, or none
			bare := strings.TrimSuffix(name, "_FILE")
			if _, ours := values[bare]; !ours {
				continue
			}
			statement = nil
			if _, waits := left[bare]; waits && bare == name {
				if err := write(name); err != nil {
					return nil, err
				}
			}
		}
		b.Write(statement)
		if n := len(statement); n > 0 && statement[n-1] != '\n' {
			b.WriteByte('\n')
		}
		if name, _, ok := strings.Cut(strings.TrimPrefix(string(statement), "#"), "="); ok && len(named) == 0 && left[name] != "" {
			if err := write(name); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		if err := write(name); err != nil {
			return nil, err
		}
	}
	read, err := parseDotEnv(b.Bytes())
	if err != nil {
		return nil, err
	}
	for name, value := range values {
		if read[name] != value {
			return nil, unwritable(name)
		}
	}
	return b.Bytes(), nil
}

// replaceFile replaces a file by text, readable by this user only. At no time is half of it there, or readable by others.
func replaceFile(path string, text []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".env-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
