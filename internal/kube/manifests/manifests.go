// Package manifests reads YAML manifests.
package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Parse returns the objects in a stream of YAML documents.
func Parse(data []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096); ; {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		if len(o.Object) > 0 {
			objects = append(objects, o)
		}
	}
}

// Files returns the objects in the files that match patterns, such as "rbac/*.yaml".
// Kustomizations are passed over.
func Files(from fs.FS, patterns ...string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, pattern := range patterns {
		files, err := fs.Glob(from, pattern)
		if err != nil {
			return nil, fmt.Errorf("list manifests %s: %w", pattern, err)
		}
		for _, file := range files {
			if path.Base(file) == "kustomization.yaml" {
				continue
			}
			data, err := fs.ReadFile(from, file)
			if err != nil {
				return nil, fmt.Errorf("read manifest: %w", err)
			}
			found, err := Parse(data)
			if err != nil {
				return nil, fmt.Errorf("read manifest %s: %w", file, err)
			}
			objects = append(objects, found...)
		}
	}
	return objects, nil
}
