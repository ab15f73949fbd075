// Package manifests reads what kustomize and Helm render as an API server with strict field
// validation would, and says where it does not keep to the rules of this repository.
package manifests

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

// Object is one rendered object.
type Object struct {
	unstructured.Unstructured
	// Typed is the object in its own Go type.
	Typed runtime.Object
}

// Key is kind, namespace and name, such as "Deployment ops-system/orderplane-manager".
func (o Object) Key() string {
	if o.GetNamespace() == "" {
		return o.GetKind() + " " + o.GetName()
	}
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}

// Kustomize renders a folder with kubectl.
func Kustomize(ctx context.Context, kubectl, folder string) (string, error) {
	command := exec.CommandContext(ctx, kubectl, "kustomize", folder)
	var faults bytes.Buffer
	command.Stderr = &faults
	rendered, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("kubectl kustomize %s: %w: %s", folder, err, faults.String())
	}
	if faults.Len() > 0 {
		return "", fmt.Errorf("kubectl kustomize %s warns: %s", folder, faults.String())
	}
	return string(rendered), nil
}

// WriteOverlay writes a kustomization into a folder: its resources and components are folders of config.
func WriteOverlay(folder, config string, resources, components []string) error {
	config, err := filepath.Abs(config)
	if err != nil {
		return err
	}
	up, err := filepath.Rel(folder, config)
	if err != nil {
		return err
	}
	lines := []string{"resources:"}
	for _, r := range resources {
		lines = append(lines, "- "+up+"/"+r)
	}
	lines = append(lines, "components:")
	for _, c := range components {
		lines = append(lines, "- "+up+"/"+c)
	}
	return os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(strings.Join(lines, "\n")), 0o600)
}

// Parse decodes every document of a text strictly: an unknown field, a field that stands there
// twice, a kind that nobody knows and an object that stands there twice are errors. All of them
// are told at once.
func Parse(text string) ([]Object, error) {
	decode, err := newDecoder()
	if err != nil {
		return nil, err
	}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	var all []Object
	var errs []error
	seen := map[string]bool{}
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, errors.Join(errs...)
		}
		if err != nil {
			return nil, err
		}
		o, err := decode(document)
		switch {
		case err != nil:
			errs = append(errs, err)
		case o == nil: // nothing but comments
		case seen[o.Key()]:
			errs = append(errs, fmt.Errorf("%s stands there twice", o.Key()))
		default:
			seen[o.Key()] = true
			all = append(all, *o)
		}
	}
}

// newDecoder knows the kinds of Kubernetes, of the Gateway API and of the Prometheus operator, and one of KEDA.
func newDecoder() (func([]byte) (*Object, error), error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, gatewayv1.Install, monitoringv1.AddToScheme, addKEDA,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	return func(document []byte) (*Object, error) {
		var o Object
		if err := yaml.UnmarshalStrict(document, &o.Object); err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, firstLines(document))
		}
		if len(o.Object) == 0 {
			return nil, nil //nolint:nilnil // an empty document is no object, and no error
		}
		var err error
		if o.Typed, _, err = strict.Decode(document, nil, nil); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Key(), err)
		}
		return &o, nil
	}, nil
}

func firstLines(document []byte) string {
	const shown = 8
	lines := strings.SplitN(string(document), "\n", shown+1)
	return strings.Join(lines[:min(len(lines), shown)], "\n")
}
