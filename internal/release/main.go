// Command release makes what a version is published as, in dist/, from the commit that is checked out. "make release" runs it.
//
//	peyk-VERSION-OS-ARCH.tar.gz, .zip    the program for one system, with its manual
//	peyk-VERSION-linux-ARCH.deb          the same for Debian and Ubuntu
//	peyk-VERSION-image.tar               the same for containers, for both architectures
//	peyk-VERSION-source.tar.gz           the source with all it is built from: it builds without a network
//	peyk-VERSION.cdx.json                which modules are in the program (CycloneDX)
//	peyk-VERSION.intoto.json             of what, and how, all of these were made (in-toto, SLSA)
//	SHA256SUMS, SHA256SUMS.minisig       their sums, and the signature of these
//
// The same commit and the same Go give the same bytes, on any machine and in any directory: the only time in them is the commit's, and every
// owner and mode is set here. Only the signature needs a secret.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// The tools of a release are run at these versions, as staticcheck is: each is built from the modules its authors tested it with, Go checks them
// against its checksum database, and neither go.mod nor who only builds peyk hears of the hundreds of modules they need.
const (
	nfpm      = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2"
	cyclonedx = "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0"
	minisign  = "aead.dev/minisign/cmd/minisign@v0.3.0"
)

// keyVariable is the environment variable with the secret key, as minisign writes it without a password.
const keyVariable = "RELEASE_KEY"

// release is what is made.
type release struct {
	dist     string    // the directory of all that is made
	version  string    // as git describes the commit, such as v1.2.3
	commit   string    // its hash
	at       time.Time // of the commit
	files    []string  // of the commit, with slashes
	programs map[system][]byte
	notices  []byte // licences of what is in the program
}

// system is what a program is built for.
type system struct{ os, arch string }

func (s system) String() string { return s.os + "-" + s.arch }

// systems are those a version is built for. The bridge is meant to run on Linux; the others are for trying the sandbox.
var systems = []system{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

// served are the systems with packages and images.
var served = systems[:2]

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	r, err := describe(ctx)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "peyk-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.RemoveAll(r.dist); err != nil {
		return err
	}
	if err := os.Mkdir(r.dist, 0o755); err != nil {
		return err
	}
	for _, step := range []struct {
		what string
		do   func(ctx context.Context, work string) error
	}{
		{"build the programs", r.build},
		{"gather the licences", r.licences},
		{"write the archives", r.archives},
		{"write the packages", r.packages},
		{"write the image", r.image},
		{"write the source", r.source},
		{"list the modules", r.modules},
		{"write the provenance", r.provenance},
		{"write and sign the sums", r.sums},
	} {
		fmt.Println(step.what)
		if err := step.do(ctx, work); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// describe looks at the commit that is checked out. It refuses changes that are in no commit: nobody could build from them again.
func describe(ctx context.Context) (*release, error) {
	changed, err := output(ctx, nil, "git", "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	if len(changed) > 0 {
		return nil, fmt.Errorf("a release is made of a commit, and these are in none:\n%s", changed)
	}
	said := map[string]string{}
	for what, args := range map[string][]string{
		"version": {"describe", "--tags", "--always"},
		"commit":  {"rev-parse", "HEAD"},
		"time":    {"log", "-1", "--format=%ct"},
		"files":   {"ls-files"},
	} {
		out, err := output(ctx, nil, "git", args...)
		if err != nil {
			return nil, err
		}
		said[what] = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(said["time"], 10, 64)
	if err != nil {
		return nil, err
	}
	return &release{
		dist: "dist", version: said["version"], commit: said["commit"], at: time.Unix(seconds, 0).UTC(),
		files: strings.Split(said["files"], "\n"), programs: map[system][]byte{},
	}, nil
}

// environment is what the program is built in: all of the builder's own wishes that would show in its bytes are overruled.
func environment(s system) []string {
	return []string{"GOOS=" + s.os, "GOARCH=" + s.arch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFIPS140=off", "GOFLAGS="}
}

func (r *release) build(ctx context.Context, work string) error {
	for _, s := range systems {
		out := filepath.Join(work, s.String())
		if _, err := output(ctx, environment(s), "go", "build", "-trimpath", "-buildvcs=false",
			"-ldflags", "-s -w -X main.version="+r.version, "-o", out, "."); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		program, err := os.ReadFile(out)
		if err != nil {
			return err
		}
		r.programs[s] = program
	}
	return nil
}

// licences gathers the licences of the modules in the program, which ask for it: they go wherever it goes.
func (r *release) licences(ctx context.Context, _ string) error {
	out, err := output(ctx, environment(served[0]), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", ".")
	if err != nil {
		return err
	}
	goroot, err := output(ctx, nil, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	var text bytes.Buffer
	text.WriteString("The licences of what is in the program beside Peyk itself, whose own is in LICENSE.\n")
	seen := map[string]bool{}
	for line := range strings.Lines("Go " + runtime.Version() + "\t" + string(goroot) + string(out)) {
		name, dir, found := strings.Cut(strings.TrimSpace(line), "\t")
		if !found || seen[name] {
			continue
		}
		seen[name] = true
		files, err := filepath.Glob(filepath.Join(dir, "LICEN[SC]E*"))
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("%s has no licence in %s", name, dir)
		}
		for _, file := range files {
			licence, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			fmt.Fprintf(&text, "\n\n==== %s, %s\n\n%s", name, filepath.Base(file), licence)
		}
	}
	r.notices = text.Bytes()
	return nil
}

// sums writes the sums of all that is in dist, and signs them if there is a key. The signature is tried with the key that SECURITY.md tells users.
func (r *release) sums(ctx context.Context, _ string) error {
	digests, err := r.digests()
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, d := range digests {
		fmt.Fprintf(&text, "%s  %s\n", d.Digest["sha256"], d.Name)
	}
	fmt.Print(text.String())
	file := filepath.Join(r.dist, "SHA256SUMS")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return err
	}
	key := os.Getenv(keyVariable)
	if key == "" {
		fmt.Println(keyVariable + " is not set: the sums are not signed")
		return nil
	}
	security, err := os.ReadFile("SECURITY.md")
	if err != nil {
		return err
	}
	public := publicKey.FindString(string(security))
	sign := exec.CommandContext(ctx, "go", "run", minisign, "-S", "-s", "/dev/stdin", "-m", file, "-c", "signature of Peyk's maintainers", "-t", "peyk "+r.version)
	sign.Stdin = strings.NewReader(key)
	if out, err := sign.CombinedOutput(); err != nil {
		return fmt.Errorf("sign: %w\n%s", err, out)
	}
	_, err = output(ctx, nil, "go", "run", minisign, "-V", "-m", file, "-P", public)
	return err
}

// publicKey is how minisign writes one.
var publicKey = regexp.MustCompile(`\bRW[\w+/]{54}`)

// digest names a file of a release, as in-toto does.
type digest struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest,omitempty"`
}

// digests returns the sums of what is in dist, by name.
func (r *release) digests() ([]digest, error) {
	files, err := os.ReadDir(r.dist)
	if err != nil {
		return nil, err
	}
	var all []digest
	for _, f := range files {
		body, err := os.ReadFile(filepath.Join(r.dist, f.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, digest{Name: f.Name(), Digest: map[string]string{"sha256": fmt.Sprintf("%x", sha256.Sum256(body))}})
	}
	return all, nil
}

// output runs a command with these variables set beside those of the environment, and returns what it prints.
func output(ctx context.Context, environ []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), environ...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", path.Base(name), strings.Join(args, " "), err, out, exit.Stderr)
	}
	return out, err
}
