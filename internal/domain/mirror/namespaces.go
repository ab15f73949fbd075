package mirror

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Namespaces are those that a mirror serves: what is created in them gets the finalizer
// by which it is kept until it is told. "*" stands for every one.
type Namespaces []string

// Has reports whether a namespace is mirrored.
func (n Namespaces) Has(namespace string) bool {
	return slices.Contains(n, namespace) || slices.Contains(n, "*")
}

// Validate refuses what is neither the name of a namespace nor "*".
func (n Namespaces) Validate() error {
	var errs []error
	for _, name := range n {
		if name != "*" && len(validation.IsDNS1123Label(name)) > 0 {
			errs = append(errs, fmt.Errorf("%q is no namespace name; give names, or * for every namespace", name))
		}
	}
	return errors.Join(errs...)
}
