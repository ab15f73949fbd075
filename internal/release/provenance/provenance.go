// Package provenance says how the files of a release came about: an in-toto statement whose predicate is SLSA
// provenance, version 1 (https://slsa.dev/spec/v1.0/provenance).
//
// It is a claim of whoever builds. It is worth as much as the signature under it.
package provenance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/orderplane/orderplane/internal/release/checksum"
)

const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://slsa.dev/provenance/v1"
	// BuildType says what the parameters mean: RELEASE.md has the steps.
	BuildType = "https://orderplane.dev/release/v1"
)

// Statement is an in-toto statement.
type Statement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Predicate `json:"predicate"`
}

// Subject is something that was made.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// Predicate is SLSA's word on how it was made.
type Predicate struct {
	BuildDefinition BuildDefinition `json:"buildDefinition"`
	RunDetails      RunDetails      `json:"runDetails"`
}

// BuildDefinition is all that goes in.
type BuildDefinition struct {
	BuildType            string            `json:"buildType"`
	ExternalParameters   map[string]string `json:"externalParameters"`
	ResolvedDependencies []Dependency      `json:"resolvedDependencies"`
}

// Dependency is something that was used.
type Dependency struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest,omitempty"`
}

// RunDetails say who built, and when.
type RunDetails struct {
	Builder  Builder  `json:"builder"`
	Metadata Metadata `json:"metadata"`
}

// Builder is who vouches for the build.
type Builder struct {
	ID string `json:"id"`
}

// Metadata has the time that the build gives everything it makes.
type Metadata struct {
	StartedOn string `json:"startedOn"`
}

// Options are what is known of a build.
type Options struct {
	// Version that was built, and Revision, the commit.
	Version, Revision string
	// Source is where the commit is to be had, such as git+https://example.com/orderplane; without a revision
	// or a source nothing is said of it.
	Source string
	// Go is the version of the toolchain, such as go1.26.8.
	Go string
	// CACertificates is the file with the certificates that went into the image.
	CACertificates string
	// ImageDigest is the digest of the image's index, such as sha256:0123.
	ImageDigest string
	// Builder is a URI that names who builds.
	Builder string
	// Created is the time of the release.
	Created time.Time
}

// Validate refuses what makes no statement.
func (o Options) Validate() error {
	var errs []error
	for _, required := range []struct{ name, value string }{
		{"version", o.Version}, {"go", o.Go}, {"builder", o.Builder}, {"CA certificates", o.CACertificates},
	} {
		if required.value == "" {
			errs = append(errs, fmt.Errorf("%s: empty", required.name))
		}
	}
	if algorithm, digest, ok := strings.Cut(o.ImageDigest, ":"); !ok || algorithm != "sha256" || len(digest) != 64 {
		errs = append(errs, fmt.Errorf("image digest: %q is none, such as sha256:... with 64 digits", o.ImageDigest))
	}
	return errors.Join(errs...)
}

// Of says how the files of a folder came about, all that are in it now, and the image.
func Of(dir string, o Options) (*Statement, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("provenance: %w", err)
	}
	subjects, err := subjects(dir)
	if err != nil {
		return nil, fmt.Errorf("provenance: %w", err)
	}
	certificates, err := checksum.SHA256(o.CACertificates)
	if err != nil {
		return nil, fmt.Errorf("provenance: %w", err)
	}
	used := []Dependency{
		{URI: "pkg:golang/toolchain@" + strings.TrimPrefix(o.Go, "go")},
		{URI: "file:ca-certificates.crt", Digest: map[string]string{"sha256": certificates}},
	}
	if o.Revision != "" && o.Source != "" {
		used = append(used, Dependency{URI: o.Source, Digest: map[string]string{"gitCommit": o.Revision}})
	}
	image := Subject{Name: "orderplane:" + o.Version, Digest: map[string]string{"sha256": strings.TrimPrefix(o.ImageDigest, "sha256:")}}
	return &Statement{
		Type: statementType, PredicateType: predicateType,
		Subject: append(subjects, image),
		Predicate: Predicate{
			BuildDefinition: BuildDefinition{
				BuildType:            BuildType,
				ExternalParameters:   map[string]string{"version": o.Version},
				ResolvedDependencies: used,
			},
			RunDetails: RunDetails{
				Builder:  Builder{ID: o.Builder},
				Metadata: Metadata{StartedOn: o.Created.UTC().Format(time.RFC3339)},
			},
		},
	}, nil
}

// Write writes a statement as JSON.
func Write(w io.Writer, s *Statement) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(s)
}

// subjects are the files of a folder, by their path in it, sorted.
func subjects(dir string) ([]Subject, error) {
	var all []Subject
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		digest, err := checksum.SHA256(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		all = append(all, Subject{Name: filepath.ToSlash(name), Digest: map[string]string{"sha256": digest}})
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("there is nothing in %s", dir)
	}
	slices.SortFunc(all, func(a, b Subject) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}
