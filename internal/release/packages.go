package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"time"
)

// described is how git describes a commit that has a tag before it.
var described = regexp.MustCompile(`^v(\d+\.\d+\.\d+)(?:-([0-9A-Za-z.]+))?(?:-(\d+)-(g[0-9a-f]+))?$`)

// debianVersion returns the version as Debian's packages have it, later ones sorting later: a candidate comes before its version, commits after it
// come between it and the next, and where nothing is tagged yet the time of the commit decides.
func debianVersion(version string, at time.Time) string {
	m := described.FindStringSubmatch(version)
	if m == nil {
		return "0~" + at.UTC().Format("20060102150405") + "." + version
	}
	v := m[1]
	if m[2] != "" {
		v += "~" + m[2]
	}
	if m[3] != "" {
		v += "+" + m[3] + "." + m[4]
	}
	return v
}

// packages writes a Debian package for each served system. deploy/deb/nfpm.yaml says what is in it and where.
func (r *release) packages(ctx context.Context, work string) error {
	version := debianVersion(r.version, r.at)
	files, err := r.manual()
	if err != nil {
		return err
	}
	for i := range files {
		files[i].name = "manual/" + files[i].name
	}
	// What the program writes of itself.
	here := filepath.Join(work, system{runtime.GOOS, runtime.GOARCH}.String())
	for name, args := range map[string][]string{
		"peyk.1": {"man"}, "peyk.bash": {"completion", "bash"}, "peyk.zsh": {"completion", "zsh"}, "peyk.fish": {"completion", "fish"},
	} {
		written, err := output(ctx, nil, here, args...)
		if err != nil {
			return err
		}
		if name == "peyk.1" {
			name, written = name+".gz", zipped(written)
		}
		files = append(files, entry{name: name, body: written})
	}
	files = append(files, entry{name: "changelog.gz", body: zipped(fmt.Appendf(nil,
		"peyk (%s) stable; urgency=medium\n\n  * CHANGELOG.md beside this file says what is new.\n\n -- %s  %s\n",
		version, maintainer, r.at.Format(time.RFC1123Z)))})
	for _, s := range served {
		for _, e := range append(files, entry{name: "peyk", body: r.programs[s]}) {
			file := filepath.Join(work, filepath.FromSlash(e.name))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(file, e.body, 0o644); err != nil {
				return err
			}
		}
		if _, err := output(ctx, []string{
			"STAGED=" + work, "ARCH=" + s.arch, "VERSION=" + version, "MAINTAINER=" + maintainer, fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.at.Unix()),
		}, "go", "run", nfpm, "package", "--packager", "deb", "--config", "deploy/deb/nfpm.yaml",
			"--target", filepath.Join(r.dist, "peyk-"+r.version+"-"+s.String()+".deb")); err != nil {
			return err
		}
	}
	return nil
}

// maintainer is who Debian's tools name as answerable. SECURITY.md and README.md say where to ask.
const maintainer = "The Peyk authors <peyk@example.org>"
