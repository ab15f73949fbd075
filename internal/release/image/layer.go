package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// file is one file of a layer.
type file struct {
	name string // without a leading slash
	from string // whose content it has
	mode int64
}

// layerOf is a layer with one file and the folders that lead to it, all of them root's.
func layerOf(at time.Time, f file) (v1.Layer, error) {
	content, err := os.ReadFile(f.from)
	if err != nil {
		return nil, err
	}
	if len(content) == 0 {
		return nil, fmt.Errorf("%s is empty", f.from)
	}
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, folder := range folders(f.name) {
		if err := w.WriteHeader(header(at, tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755})); err != nil {
			return nil, fmt.Errorf("pack %s: %w", folder, err)
		}
	}
	if err := w.WriteHeader(header(at, tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(content))})); err != nil {
		return nil, fmt.Errorf("pack %s: %w", f.name, err)
	}
	if _, err := w.Write(content); err != nil {
		return nil, fmt.Errorf("pack %s: %w", f.name, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack %s: %w", f.name, err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
}

// header is an entry's, with nothing in it that differs from machine to machine.
func header(at time.Time, h tar.Header) *tar.Header {
	h.ModTime, h.Format = at.Truncate(time.Second), tar.FormatUSTAR
	return &h
}

// folders lead to a file, the outermost first.
func folders(name string) []string {
	var all []string
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		all = append(all, dir)
	}
	slices.Reverse(all)
	return all
}
