// Package performance measures Orderplane against what its machine can do at all.
//
// It runs a control plane of its own and measures there, in rounds of one run:
//
//   - raw: the same four objects an order leaves behind, written by a plain client
//     without any logic. This is the limit: nothing that keeps orders in the
//     Kubernetes API can be faster.
//   - api: orders created at the API server, decided by `orderplane manager`, a
//     process of its own under its own RBAC.
//   - gateway: orders created through `orderplane gateway` with a bearer token.
//
// The plan builds compares binaries instead, such as those before and after a change: each one's
// manager is measured under the same load, and then starts with many live orders.
//
// A machine that gets slower or faster within a run, as virtual ones do, does so
// for all of them: a round measures each once, a ratio is taken within a round, and the
// median of those ratios is what counts. Absolute numbers are of the machine,
// ratios and counts are of the program; the budget (budget.go) is about the latter.
//
// What does not depend on the machine at all is no benchmark but a test: TestCounts holds
// the API writes of an order and the API calls at rest.
//
// What is measured is the wall clock and what the kernel and the API server
// themselves count, so this package, unlike the others, asks for the time wherever
// it needs it.
package performance
