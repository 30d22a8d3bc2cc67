package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// imageName is what the image is called where it was loaded. It is no registry's name, so none is asked for it.
const imageName = "localhost/peyk"

// user is who the program runs as in a container.
const user = 65532

// What an OCI image is made of: https://github.com/opencontainers/image-spec. Health checks are Docker's own addition.
type (
	descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int               `json:"size"`
		Platform    *platform         `json:"platform,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	platform struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	}
	index struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Manifests     []descriptor `json:"manifests"`
	}
	manifest struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        descriptor   `json:"config"`
		Layers        []descriptor `json:"layers"`
	}
	imageConfig struct {
		platform
		Created time.Time `json:"created"`
		Config  runConfig `json:"config"`
		RootFS  struct {
			Type    string   `json:"type"`
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
		History []history `json:"history"`
	}
	history struct {
		Created   time.Time `json:"created"`
		CreatedBy string    `json:"created_by"`
	}
	runConfig struct {
		User        string
		Env         []string
		Entrypoint  []string
		WorkingDir  string
		Volumes     map[string]struct{}
		Labels      map[string]string
		Healthcheck healthcheck
	}
	healthcheck struct {
		Test                           []string
		Interval, Timeout, StartPeriod time.Duration
		Retries                        int
	}
	// dockerImage is what Docker's own store, which reads no OCI index, goes by.
	dockerImage struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
)

const (
	indexType    = "application/vnd.oci.image.index.v1+json"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// layer is the image's file system.
func (r *release) layer(program []byte) []entry {
	return []entry{
		{name: "data", mode: os.ModeDir | 0o700, owner: user}, // a new volume gets its owner and mode from here
		{name: "etc", mode: os.ModeDir | 0o755},
		{name: "etc/group", mode: 0o644, body: fmt.Appendf(nil, "peyk:x:%d:\n", user)},
		{name: "etc/passwd", mode: 0o644, body: fmt.Appendf(nil, "peyk:x:%d:%[1]d:peyk:/data:/sbin/nologin\n", user)},
		{name: "etc/ssl", mode: os.ModeDir | 0o755},
		{name: "etc/ssl/certs", mode: os.ModeDir | 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, body: roots()},
		{name: "licenses", mode: os.ModeDir | 0o755},
		{name: "licenses/THIRD-PARTY-LICENSES", mode: 0o644, body: r.notices},
		{name: "peyk", mode: 0o755, body: program},
	}
}

// roots are the certificates that Mozilla trusts, of the version that go.mod names. A file cannot say, as Mozilla does of a few, that only what was issued
// before some day counts: these are in it, as they are in Debian's.
func roots() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
	}
	return b.Bytes()
}

// runs is how the image runs. The Dockerfile says the same.
func (r *release) runs() runConfig {
	return runConfig{
		User:       fmt.Sprintf("%d:%[1]d", user),
		Env:        []string{"DB_PATH=/data/peyk.db", "HTTP_ADDR=127.0.0.1:9383"},
		Entrypoint: []string{"/peyk"},
		WorkingDir: "/data",
		Volumes:    map[string]struct{}{"/data": {}},
		Labels: map[string]string{
			"org.opencontainers.image.title":       "Peyk",
			"org.opencontainers.image.description": "Joins an SMS panel to Telegram",
			"org.opencontainers.image.licenses":    "MIT",
			"org.opencontainers.image.version":     r.version,
		},
		Healthcheck: healthcheck{
			Test:     []string{"CMD", "/peyk", "check", "--quick"},
			Interval: 30 * time.Second, Timeout: 15 * time.Second, StartPeriod: 30 * time.Second, Retries: 3,
		},
	}
}

// image writes the image for all served systems as an OCI layout in a tar archive, which podman, skopeo and containerd read, with the file beside it
// that Docker's own store goes by. That store knows one system an image: there the first has the plain name.
func (r *release) image(context.Context, string) error {
	var blobs []entry
	put := func(mediaType string, body []byte) descriptor {
		sum := fmt.Sprintf("%x", sha256.Sum256(body))
		blobs = append(blobs, entry{name: "blobs/sha256/" + sum, mode: 0o644, body: body})
		return descriptor{MediaType: mediaType, Digest: "sha256:" + sum, Size: len(body)}
	}
	all := index{SchemaVersion: 2, MediaType: indexType}
	var docker []dockerImage
	for i, s := range served {
		var files bytes.Buffer
		if err := writeTar(&files, r.layer(r.programs[s]), r.at); err != nil {
			return err
		}
		layer := put(layerType, zipped(files.Bytes()))
		config := imageConfig{platform: platform{s.arch, s.os}, Created: r.at, Config: r.runs(), History: []history{{r.at, "make release"}}}
		config.RootFS.Type = "layers"
		config.RootFS.DiffIDs = []string{fmt.Sprintf("sha256:%x", sha256.Sum256(files.Bytes()))}
		configured := put(configType, asJSON(config))
		one := put(manifestType, asJSON(manifest{SchemaVersion: 2, MediaType: manifestType, Config: configured, Layers: []descriptor{layer}}))
		one.Platform = &config.platform
		all.Manifests = append(all.Manifests, one)
		tag := imageName + ":" + r.version
		if i > 0 {
			tag += "-" + s.arch
		}
		path := func(d descriptor) string { return "blobs/sha256/" + d.Digest[len("sha256:"):] }
		docker = append(docker, dockerImage{path(configured), []string{tag}, []string{path(layer)}})
	}
	top := put(indexType, asJSON(all))
	top.Annotations = map[string]string{"io.containerd.image.name": imageName + ":" + r.version, "org.opencontainers.image.ref.name": r.version}
	entries := append([]entry{
		{name: "oci-layout", mode: 0o644, body: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{name: "index.json", mode: 0o644, body: asJSON(index{SchemaVersion: 2, MediaType: indexType, Manifests: []descriptor{top}})},
		{name: "manifest.json", mode: 0o644, body: asJSON(docker)},
		{name: "blobs", mode: os.ModeDir | 0o755},
		{name: "blobs/sha256", mode: os.ModeDir | 0o755},
	}, blobs...)
	var b bytes.Buffer
	if err := writeTar(&b, entries, r.at); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dist, "peyk-"+r.version+"-image.tar"), b.Bytes(), 0o644)
}

func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // nothing here cannot be written
	}
	return b
}
