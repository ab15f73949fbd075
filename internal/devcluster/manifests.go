package devcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/config"
)

// fieldOwner owns what Apply applies. It stays the same, so that what a later version no
// longer applies goes from a cluster that was kept.
const fieldOwner = "orderplane-local"

// Manifests are the objects in the files of config/ that match patterns, such as
// "rbac/*.yaml".
func Manifests(patterns ...string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, pattern := range patterns {
		files, err := fs.Glob(config.Manifests, pattern)
		if err != nil {
			return nil, fmt.Errorf("list embedded manifests: %w", err)
		}
		for _, file := range files {
			if path.Base(file) == "kustomization.yaml" {
				continue
			}
			data, err := config.Manifests.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("read embedded %s: %w", file, err)
			}
			found, err := ParseManifests(data)
			if err != nil {
				return nil, fmt.Errorf("read embedded %s: %w", file, err)
			}
			objects = append(objects, found...)
		}
	}
	return objects, nil
}

// ParseManifests are the objects in a stream of YAML documents.
func ParseManifests(data []byte) ([]*unstructured.Unstructured, error) {
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

// NewNamespace is the manifest of a namespace.
func NewNamespace(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name},
	}}
}

// Apply brings objects to a cluster as `kubectl apply --server-side --force-conflicts` does.
func Apply(ctx context.Context, cfg *rest.Config, objects ...*unstructured.Unstructured) error {
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		return fmt.Errorf("apply manifests: %w", err)
	}
	c = client.WithFieldValidation(c, metav1.FieldValidationStrict)
	for _, o := range objects {
		err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(o.DeepCopy()), client.FieldOwner(fieldOwner), client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("apply %s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return nil
}
