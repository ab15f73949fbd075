// Package local runs the whole of Orderplane on one machine: a control plane,
// the CRDs and roles, sample stock, and the product's own roles as child
// processes of the same binary, each with the RBAC it has in a cluster.
//
// What a user tries here is what runs in a cluster: the roles talk to a real API
// server over TLS, elect a leader, and may not do what their ClusterRole does
// not say. Everything is kept in one folder and found again at the next start.
//
// The stack is a list of components, started in order and stopped in reverse. A
// new part of the system joins by being one more of them.
package local
