// Package image assembles Orderplane's container image without a container engine: as an OCI image layout, a
// folder whose index has an image for each platform.
//
// The same input gives the same digest, wherever and whenever it is assembled. Nothing of the machine gets in:
// files belong to root, have the time that the caller gives, and stand in a fixed order.
package image

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// What the image is run as, and what it runs. The Dockerfile says the same.
const (
	User       = "65532:65532"
	Entrypoint = "/orderplane"
)

// refName is the annotation by which tools find an image of a layout.
const refName = "org.opencontainers.image.ref.name"

// Options say what is assembled.
type Options struct {
	// Binaries are the statically linked programs, one for each platform.
	Binaries []Binary
	// CACertificates is a file with the certificates that the image trusts, PEM.
	CACertificates string
	// Version of the release, and Revision, the commit it was built from.
	Version, Revision string
	// Created is the time of the image and of everything in it; whole seconds.
	Created time.Time
}

// Binary is the program for one platform.
type Binary struct {
	// OS and Arch in Go's words, such as linux and arm64.
	OS, Arch string
	// File has the program.
	File string
}

// Validate refuses what makes no image.
func (o Options) Validate() error {
	var errs []error
	if len(o.Binaries) == 0 {
		errs = append(errs, errors.New("binaries: none; give one for each platform"))
	}
	if o.Version == "" {
		errs = append(errs, errors.New("version: empty"))
	}
	if o.Created.IsZero() {
		errs = append(errs, errors.New("created: missing; give the time of the commit"))
	}
	seen := map[string]bool{}
	for _, b := range o.Binaries {
		if seen[b.platform()] {
			errs = append(errs, fmt.Errorf("binaries: two are for %s", b.platform()))
		}
		seen[b.platform()] = true
	}
	return errors.Join(errs...)
}

func (b Binary) platform() string { return b.OS + "/" + b.Arch }

// Write assembles the image in a new folder and returns the digest of its index, by which it is deployed.
func Write(dir string, o Options) (string, error) {
	if err := o.Validate(); err != nil {
		return "", fmt.Errorf("assemble an image: %w", err)
	}
	o.Created = o.Created.UTC() // a time is written with its zone
	if _, err := os.Stat(dir); err == nil {
		return "", fmt.Errorf("assemble an image: %s is there already; remove it first", dir)
	}
	index, err := o.index()
	if err != nil {
		return "", fmt.Errorf("assemble an image: %w", err)
	}
	path, err := layout.Write(dir, mutate.IndexMediaType(empty.Index, types.OCIImageIndex))
	if err != nil {
		return "", fmt.Errorf("write the layout %s: %w", dir, err)
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{refName: o.Version})); err != nil {
		return "", fmt.Errorf("write the layout %s: %w", dir, err)
	}
	digest, err := index.Digest()
	if err != nil {
		return "", fmt.Errorf("write the layout %s: %w", dir, err)
	}
	return digest.String(), nil
}

// index has an image for each platform, sorted by its name.
func (o Options) index() (v1.ImageIndex, error) {
	certificates, err := layerOf(o.Created, file{name: "etc/ssl/certs/ca-certificates.crt", from: o.CACertificates, mode: 0o644})
	if err != nil {
		return nil, err
	}
	binaries := slices.SortedFunc(slices.Values(o.Binaries), func(a, b Binary) int {
		return slices.Compare([]string{a.OS, a.Arch}, []string{b.OS, b.Arch})
	})
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, b := range binaries {
		image, err := o.image(b, certificates)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.platform(), err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: b.OS, Architecture: b.Arch}},
		})
	}
	annotated, ok := mutate.Annotations(index, o.labels()).(v1.ImageIndex)
	if !ok {
		return nil, errors.New("annotate the index: it is none any more")
	}
	return annotated, nil
}

func (o Options) image(b Binary, certificates v1.Layer) (v1.Image, error) {
	program, err := layerOf(o.Created, file{name: "orderplane", from: b.File, mode: 0o755})
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: b.OS, Architecture: b.Arch, Created: v1.Time{Time: o.Created},
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{User: User, Entrypoint: []string{Entrypoint}, WorkingDir: "/", Labels: o.labels()},
	})
	if err != nil {
		return nil, err
	}
	add := func(layer v1.Layer, what string) mutate.Addendum {
		return mutate.Addendum{
			Layer: layer, MediaType: types.OCILayer,
			History: v1.History{Created: v1.Time{Time: o.Created}, CreatedBy: what},
		}
	}
	return mutate.Append(image, add(certificates, "certificates of authorities"), add(program, "orderplane "+b.platform()))
}

// labels are those of the OCI image specification; the index has them as annotations.
func (o Options) labels() map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":       "orderplane",
		"org.opencontainers.image.description": "Order processing as a Kubernetes control plane",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     o.Version,
		"org.opencontainers.image.created":     o.Created.UTC().Format(time.RFC3339),
	}
	if o.Revision != "" {
		labels["org.opencontainers.image.revision"] = o.Revision
	}
	return labels
}
