package order

import "github.com/orderplane/orderplane/api/v1alpha1"

// ClassOf returns the class of a name; of no name, the class that is marked
// default, and the newest where several are, as StorageClass has it. Nil when
// there is none. The result points into classes.
func ClassOf(name string, classes []v1alpha1.OrderClass) *v1alpha1.OrderClass {
	var found *v1alpha1.OrderClass
	for i := range classes {
		c := &classes[i]
		if name != "" {
			if c.Name == name {
				return c
			}
			continue
		}
		if c.Annotations[v1alpha1.OrderClassDefaultAnnotation] != "true" {
			continue
		}
		if found == nil || found.CreationTimestamp.Before(&c.CreationTimestamp) ||
			found.CreationTimestamp.Equal(&c.CreationTimestamp) && c.Name < found.Name {
			found = c
		}
	}
	return found
}
