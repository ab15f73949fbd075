// Package local runs the whole of Orderplane on one machine: a control plane,
// what is installed in a cluster, sample stock, and the product's own components as
// child processes of the same binary, each with the RBAC it has in a cluster.
//
// What a user tries here is what runs in a cluster: the components talk to a real API
// server over TLS, elect a leader, and may not do what their ClusterRole does
// not say. Everything is kept in one folder and found again at the next start.
//
// internal/devcluster installs and runs it all; here is what a person at a terminal
// needs besides: ports and keys that stay the same, an env file, and what to do next.
package local
