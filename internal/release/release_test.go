package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// made is a release of programs that are a few bytes each, in a directory of its own.
func made(t *testing.T) *release {
	t.Helper()
	t.Chdir("../..")
	r := &release{
		dist: t.TempDir(), version: "v1.2.3", commit: "0123456789abcdef0123456789abcdef01234567",
		at: time.Date(2026, 5, 1, 12, 0, 1, 0, time.UTC), files: archived, programs: map[system][]byte{}, notices: []byte("be kind\n"),
	}
	for _, s := range systems {
		r.programs[s] = []byte("the program for " + s.String())
	}
	return r
}

// untar reads a tar archive, and checks what must not depend on where it was written.
func untar(t *testing.T, r *release, archive io.Reader) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for in := tar.NewReader(archive); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(r.at) || h.Uname+h.Gname != "" || h.Uid != h.Gid || h.Uid != 0 && h.Uid != user || h.Mode&0o022 != 0 {
			t.Errorf("%s: got %+v", h.Name, h)
		}
		if files[h.Name], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
	}
}

func gunzip(t *testing.T, body []byte) []byte {
	t.Helper()
	in, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestArchivesHoldTheProgramAndItsManual(t *testing.T) {
	r := made(t)
	if err := r.archives(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	want := []string{"THIRD-PARTY-LICENSES"}
	want = append(want, archived...)
	for _, s := range systems {
		name, program := "peyk-v1.2.3-"+s.String(), "peyk"
		files := map[string][]byte{}
		if s.os == "windows" {
			program += ".exe"
			in, err := zip.OpenReader(filepath.Join(r.dist, name+".zip"))
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			for _, f := range in.File {
				if !f.Modified.Equal(r.at) {
					t.Errorf("%s is of %v", f.Name, f.Modified)
				}
				body, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				if files[f.Name], err = io.ReadAll(body); err != nil {
					t.Fatal(err)
				}
			}
		} else {
			body, err := os.ReadFile(filepath.Join(r.dist, name+".tar.gz"))
			if err != nil {
				t.Fatal(err)
			}
			files = untar(t, r, bytes.NewReader(gunzip(t, body)))
		}
		var got []string
		for file := range files {
			inside, ok := strings.CutPrefix(file, name+"/")
			if !ok {
				t.Errorf("%s is not below %s", file, name)
			}
			got = append(got, inside)
		}
		slices.Sort(got)
		all := slices.Sorted(slices.Values(append(slices.Clone(want), program)))
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got := string(files[name+"/"+program]); got != "the program for "+s.String() {
			t.Errorf("%s holds %q", name, got)
		}
	}
}

// TestTheManualIsForTheProgram holds what goes with a program to who has no source.
func TestTheManualIsForTheProgram(t *testing.T) {
	r := made(t)
	entries, err := r.manual()
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, e := range entries {
		texts[e.name] = string(e.body)
	}
	links := 0
	for name, text := range texts {
		if path.Ext(name) != ".md" {
			continue
		}
		for _, m := range regexp.MustCompile(`(?:\]\(|src=")([^):#"]+)[^):"]*[)"]`).FindAllStringSubmatch(text, -1) {
			links++
			if _, there := texts[path.Join(path.Dir(name), m[1])]; !there {
				t.Errorf("%s leads to %s, which does not go with it", name, m[1])
			}
		}
		if name == "CHANGELOG.md" || name == "SECURITY.md" {
			continue // which tell of the source, too
		}
		if found := regexp.MustCompile("go run|go build|go test|`make |make check|make build|CONTRIBUTING").FindAllString(text, -1); found != nil {
			t.Errorf("%s speaks of the source: %q", name, found)
		}
	}
	if links < 10 {
		t.Errorf("the manual has %d links: does this test still see them?", links)
	}
	compose := texts["deploy/compose.yaml"]
	if !strings.Contains(compose, "image: "+imageName+":v1.2.3\n") || strings.Contains(compose, "build:") {
		t.Errorf("compose.yaml does not run the image of this version:\n%s", compose)
	}
}

func TestDebianVersionsSort(t *testing.T) {
	at := time.Date(2026, 11, 29, 1, 55, 18, 0, time.FixedZone("", 3*3600+1800))
	for version, want := range map[string]string{ // as dpkg --compare-versions sorts them
		"f9366bd":                "0~20261128222518.f9366bd",
		"v1.2.3-rc.1":            "1.2.3~rc.1",
		"v1.2.3-rc.1-2-gabcdef0": "1.2.3~rc.1+2.gabcdef0",
		"v1.2.3":                 "1.2.3",
		"v1.2.3-14-gabcdef0":     "1.2.3+14.gabcdef0",
	} {
		if got := debianVersion(version, at); got != want {
			t.Errorf("%s: got %s, want %s", version, got, want)
		}
	}
}

// TestTheImageIsWhatItSays follows the digests from the top, as what loads the image does.
func TestTheImageIsWhatItSays(t *testing.T) {
	r := made(t)
	file := filepath.Join(r.dist, "peyk-v1.2.3-image.tar")
	var written [2][]byte
	for i := range written {
		if err := r.image(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		var err error
		if written[i], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(written[0], written[1]) {
		t.Error("a second time it is another")
	}
	files := untar(t, r, bytes.NewReader(written[0]))
	read := func(name string, v any) {
		t.Helper()
		if err := json.Unmarshal(files[name], v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	blob := func(d descriptor) string {
		t.Helper()
		name := "blobs/" + strings.Replace(d.Digest, ":", "/", 1)
		if sum := fmt.Sprintf("sha256:%x", sha256.Sum256(files[name])); sum != d.Digest || len(files[name]) != d.Size {
			t.Fatalf("%s: it has %d bytes with %s, not %d", name, len(files[name]), sum, d.Size)
		}
		return name
	}
	var top, all index
	var docker []dockerImage
	read("index.json", &top)
	read(blob(top.Manifests[0]), &all)
	read("manifest.json", &docker)
	for i, one := range all.Manifests {
		var m manifest
		var c imageConfig
		read(blob(one), &m)
		read(blob(m.Config), &c)
		if *one.Platform != c.platform || c.platform != (platform{served[i].arch, "linux"}) {
			t.Errorf("it is for %+v, and says %+v", c.platform, *one.Platform)
		}
		layer := gunzip(t, files[blob(m.Layers[0])])
		if sum := fmt.Sprintf("sha256:%x", sha256.Sum256(layer)); !slices.Equal(c.RootFS.DiffIDs, []string{sum}) {
			t.Errorf("got %v, want %s", c.RootFS.DiffIDs, sum)
		}
		inside := untar(t, r, bytes.NewReader(layer))
		if got := string(inside["peyk"]); got != "the program for linux-"+one.Platform.Architecture {
			t.Errorf("the program is %q", got)
		}
		if n := bytes.Count(inside["etc/ssl/certs/ca-certificates.crt"], []byte("BEGIN CERTIFICATE")); n < 100 {
			t.Errorf("it trusts %d roots", n)
		}
		if docker[i].Config != blob(m.Config) || docker[i].Layers[0] != blob(m.Layers[0]) {
			t.Errorf("Docker is told of %+v", docker[i])
		}
	}
	if len(all.Manifests) != 2 || !slices.Equal(docker[0].RepoTags, []string{imageName + ":v1.2.3"}) || slices.Equal(docker[1].RepoTags, docker[0].RepoTags) {
		t.Errorf("got %d images and %+v", len(all.Manifests), docker)
	}
}

// TestTheDockerfileMakesTheSameImage compares what a container is started with.
func TestTheDockerfileMakesTheSameImage(t *testing.T) {
	r := made(t)
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := strings.Cut(string(text), "FROM scratch\n")
	last = strings.ReplaceAll(last, "\\\n", "")
	said := func(pattern string) string {
		t.Helper()
		m := regexp.MustCompile(`(?m)^` + pattern + `$`).FindStringSubmatch(last)
		if m == nil {
			t.Fatalf("the Dockerfile does not say %s", pattern)
		}
		return m[1]
	}
	words := func(list string) (words []string) {
		t.Helper()
		if err := json.Unmarshal([]byte(list), &words); err != nil {
			t.Fatal(err)
		}
		return words
	}
	duration := func(pattern string) time.Duration {
		t.Helper()
		d, err := time.ParseDuration(said(pattern))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	got := runConfig{
		User: said("USER (.*)"), Env: strings.Fields(said("ENV (.*)")), Entrypoint: words(said("ENTRYPOINT (.*)")), WorkingDir: said("WORKDIR (.*)"),
		Volumes: map[string]struct{}{said("VOLUME (.*)"): {}}, Labels: map[string]string{},
		Healthcheck: healthcheck{
			Test:     append([]string{"CMD"}, words(said(`HEALTHCHECK .* CMD (.*)`))...),
			Interval: duration(`HEALTHCHECK .*--interval=(\S+) .*`), Timeout: duration(`HEALTHCHECK .*--timeout=(\S+) .*`),
			StartPeriod: duration(`HEALTHCHECK .*--start-period=(\S+) .*`), Retries: len(said(`HEALTHCHECK .*--retries=3( ).*`)) + 2,
		},
	}
	for _, m := range regexp.MustCompile(`(org[\w.]+)="([^"]*)"`).FindAllStringSubmatch(said("LABEL (.*)"), -1) {
		got.Labels[m[1]] = strings.ReplaceAll(m[2], "${VERSION}", r.version)
	}
	if diff := cmp.Diff(r.runs(), got); diff != "" {
		t.Errorf("make release and the Dockerfile differ (-release +Dockerfile):\n%s", diff)
	}
}

func TestTheProvenanceNamesWhatWasMade(t *testing.T) {
	r := made(t)
	if err := os.WriteFile(filepath.Join(r.dist, "peyk.deb"), []byte("a package"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.provenance(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(r.dist, "peyk-v1.2.3.intoto.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s statement
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	want := []digest{{Name: "peyk.deb", Digest: map[string]string{"sha256": fmt.Sprintf("%x", sha256.Sum256([]byte("a package")))}}}
	if diff := cmp.Diff(want, s.Subject); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := s.Predicate.BuildDefinition.ResolvedDependencies[0].Digest["gitCommit"]; got != r.commit {
		t.Errorf("it was made of %s", got)
	}
}

func TestTheLicencesOfAllModulesAreGathered(t *testing.T) {
	r := made(t)
	if _, err := os.Stat("vendor"); err == nil {
		t.Skip("this is what a release's source archive holds: a release is made in a clone, from whole modules")
	}
	if err := r.licences(context.Background(), ""); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"==== Go go1.", "==== go.etcd.io/bbolt v", "==== golang.org/x/text v"} {
		if !bytes.Contains(r.notices, []byte(want)) {
			t.Errorf("there is none of %s", want)
		}
	}
	if bytes.Contains(r.notices, []byte("==== github.com/chromedp")) {
		t.Error("what only tests use is not in the program")
	}
}
