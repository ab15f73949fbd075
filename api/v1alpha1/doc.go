// Package v1alpha1 holds the kinds of the orderplane.dev API group: orders, the
// stock they claim, the documents that move stock, and the policy they follow.
//
// The types carry no logic. What may be written is stated in the schema and its
// CEL rules (they run inside the API server); what is done about it is in
// internal/domain.
//
// A rule about one field stands at that field. A rule further up has the API
// server copy the schemas of all fields beside each one that it names, at every
// write (BenchmarkRules); so those name few, and what can't change any more is
// judged at creation only.
//
// +kubebuilder:object:generate=true
// +groupName=orderplane.dev
package v1alpha1
