package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// entry is a file for an archive, or a directory if its mode says so.
type entry struct {
	name  string // with slashes
	mode  fs.FileMode
	owner int // its user and group
	body  []byte
}

// writeTar writes a tar archive, in the order given.
func writeTar(w io.Writer, entries []entry, at time.Time) error {
	t := tar.NewWriter(w)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: int64(e.mode.Perm()), Uid: e.owner, Gid: e.owner, Size: int64(len(e.body)), ModTime: at, Typeflag: tar.TypeReg}
		if e.mode.IsDir() {
			h.Typeflag = tar.TypeDir
			h.Name += "/"
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(e.body); err != nil {
			return err
		}
	}
	return t.Close()
}

func writeZip(w io.Writer, entries []entry, at time.Time) error {
	z := zip.NewWriter(w)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: at}
		h.SetMode(e.mode)
		f, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := f.Write(e.body); err != nil {
			return err
		}
	}
	return z.Close()
}

// zipped compresses, leaving no name and no time.
func zipped(body []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // memory does not fail
	}
	return b.Bytes()
}

// tree reads the commit's files that are, or are below, one of names.
func (r *release) tree(names ...string) ([]entry, error) {
	var entries []entry
	for _, file := range r.files {
		if !slices.ContainsFunc(names, func(name string) bool { return file == name || strings.HasPrefix(file, name+"/") }) {
			continue
		}
		e, err := read(file)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// read reads a file. Of its mode only whether it can be run counts: the rest is the builder's umask.
func read(file string) (entry, error) {
	info, err := os.Stat(file)
	if err != nil {
		return entry{}, err
	}
	body, err := os.ReadFile(file)
	mode := fs.FileMode(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	return entry{name: filepath.ToSlash(file), mode: mode, body: body}, err
}

// archived is what goes into an archive beside the program: what its users read and need.
var archived = []string{
	"README.md", "README.fa.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", ".env.example",
	"doc/cluster.md", "doc/operations.md", "doc/operations.fa.md", "doc/panels.md", "doc/sandbox.md", "doc/sandbox.png", "doc/sandbox-fa.png",
	"deploy/peyk.service", "deploy/peyk-service", "deploy/compose.yaml", "deploy/cluster.yaml", "deploy/alerts.yaml", "deploy/grafana.json",
}

// forSource are the parts of a document that speak to who has the source.
var forSource = regexp.MustCompile(`(?s)<!-- source -->\n.*?<!-- end of source -->\n`)

// manual returns what goes with the program. It speaks of the program, not of the source.
func (r *release) manual() ([]entry, error) {
	entries, err := r.tree(archived...)
	if err != nil {
		return nil, err
	}
	if len(entries) != len(archived) {
		return nil, fmt.Errorf("%d files are to be archived, %d of them are there", len(archived), len(entries))
	}
	for i, e := range entries {
		switch path.Ext(e.name) {
		case ".md":
			entries[i].body = forSource.ReplaceAll(e.body, nil)
		case ".yaml":
			entries[i].body = bytes.ReplaceAll(e.body, []byte(imageName+":latest"), []byte(imageName+":"+r.version))
		}
	}
	return append(entries, entry{name: "THIRD-PARTY-LICENSES", mode: 0o644, body: r.notices}), nil
}

func (r *release) archives(context.Context, string) error {
	manual, err := r.manual()
	if err != nil {
		return err
	}
	for _, s := range systems {
		program := entry{name: "peyk", mode: 0o755, body: r.programs[s]}
		write, end := writeTarGz, ".tar.gz"
		if s.os == "windows" {
			program.name += ".exe"
			write, end = writeZip, ".zip"
		}
		if err := r.archive(r.version+"-"+s.String(), end, write, append([]entry{program}, manual...)); err != nil {
			return err
		}
	}
	return nil
}

func writeTarGz(w io.Writer, entries []entry, at time.Time) error {
	var b bytes.Buffer
	if err := writeTar(&b, entries, at); err != nil {
		return err
	}
	_, err := w.Write(zipped(b.Bytes()))
	return err
}

// archive writes entries into an archive, sorted, below a directory of its name.
func (r *release) archive(name, end string, write func(io.Writer, []entry, time.Time) error, entries []entry) error {
	name = "peyk-" + name
	entries = slices.Clone(entries)
	for i := range entries {
		entries[i].name = name + "/" + entries[i].name
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	var b bytes.Buffer
	if err := write(&b, entries, r.at); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dist, name+end), b.Bytes(), 0o644)
}

// source writes an archive of all the commit's files, with the modules it needs in vendor/ and its version in a file.
func (r *release) source(ctx context.Context, work string) error {
	vendor := filepath.Join(work, "vendor")
	if _, err := output(ctx, []string{"GOFLAGS="}, "go", "mod", "vendor", "-o", vendor); err != nil {
		return err
	}
	entries := []entry{{name: "VERSION", mode: 0o644, body: []byte(r.version + "\n")}}
	for _, file := range r.files {
		e, err := read(file)
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	err := filepath.WalkDir(vendor, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		e, err := read(file)
		if err != nil {
			return err
		}
		if e.name, err = filepath.Rel(work, file); err != nil {
			return err
		}
		e.name, e.mode = filepath.ToSlash(e.name), 0o644
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return err
	}
	return r.archive(r.version+"-source", ".tar.gz", writeTarGz, entries)
}
