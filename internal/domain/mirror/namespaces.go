package mirror

import "slices"

// Namespaces are those that a mirror serves: what is created in them gets the finalizer
// by which it is kept until it is told. "*" stands for every one.
type Namespaces []string

// Has reports whether a namespace is mirrored.
func (n Namespaces) Has(namespace string) bool {
	return slices.Contains(n, namespace) || slices.Contains(n, "*")
}
