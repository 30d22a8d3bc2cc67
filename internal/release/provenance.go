package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// modules writes which modules are in the program for Linux. That of another system has some of these.
func (r *release) modules(ctx context.Context, _ string) error {
	// A serial number tells this list from others: it is made of the commit's hash.
	serial := "urn:uuid:" + strings.Join([]string{r.commit[:8], r.commit[8:12], "8" + r.commit[13:16], "8" + r.commit[17:20], r.commit[20:32]}, "-")
	out, err := output(ctx, append(environment(served[0]), "GOFLAGS=-trimpath"), "go", "run", cyclonedx, "app", "-json", "-licenses", "-std", "-serial", serial)
	if err != nil {
		return err
	}
	var bom map[string]any
	if err := json.Unmarshal(out, &bom); err != nil {
		return err
	}
	// When it was written, and the sums of the tool that was built to write it, are the builder's alone.
	metadata := bom["metadata"].(map[string]any)
	metadata["timestamp"] = r.at.Format(time.RFC3339)
	metadata["component"].(map[string]any)["version"] = r.version
	metadata["tools"] = map[string]any{"components": []any{map[string]any{"type": "application", "name": "cyclonedx-gomod", "version": strings.Split(cyclonedx, "@")[1]}}}
	text, err := json.MarshalIndent(bom, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dist, "peyk-"+r.version+".cdx.json"), append(text, '\n'), 0o644)
}

// statement is an in-toto statement with SLSA's provenance: https://slsa.dev/spec/v1.1/provenance.
type statement struct {
	Type          string   `json:"_type"`
	Subject       []digest `json:"subject"`
	PredicateType string   `json:"predicateType"`
	Predicate     struct {
		BuildDefinition struct {
			BuildType            string            `json:"buildType"`
			ExternalParameters   map[string]string `json:"externalParameters"`
			InternalParameters   map[string]string `json:"internalParameters"`
			ResolvedDependencies []digest          `json:"resolvedDependencies"`
		} `json:"buildDefinition"`
		RunDetails struct {
			Builder struct {
				ID string `json:"id"`
			} `json:"builder"`
		} `json:"runDetails"`
	} `json:"predicate"`
}

// provenance writes of what, and how, all files so far were made. It names no machine: whoever signs the sums vouches for it, and anybody can make the
// same again. What vouches for the machine as well is the attestation of the release workflow.
func (r *release) provenance(context.Context, string) error {
	made, err := r.digests()
	if err != nil {
		return err
	}
	s := statement{Type: "https://in-toto.io/Statement/v1", Subject: made, PredicateType: "https://slsa.dev/provenance/v1"}
	build := &s.Predicate.BuildDefinition
	build.BuildType = "urn:peyk:make-release:1"
	build.ExternalParameters = map[string]string{"command": "make release", "version": r.version}
	build.InternalParameters = map[string]string{"go": runtime.Version()}
	build.ResolvedDependencies = []digest{{Name: "source", Digest: map[string]string{"gitCommit": r.commit}}}
	for _, tool := range []string{nfpm, cyclonedx} {
		build.ResolvedDependencies = append(build.ResolvedDependencies, digest{URI: "pkg:golang/" + tool})
	}
	s.Predicate.RunDetails.Builder.ID = "urn:peyk:make-release:1"
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dist, "peyk-"+r.version+".intoto.json"), append(text, '\n'), 0o644)
}
