// Package devcluster runs a whole Kubernetes API on one machine, without containers and
// without a kubelet, and Orderplane on it. The local stack runs on it, and so do the tests
// and the benchmark.
//
// There are three steps, and a caller takes as many as it needs:
//
//   - Start runs etcd and kube-apiserver as child processes. Everybody meets the same API
//     server that a cluster has: authentication by client certificate, RBAC, priority and
//     fairness, CEL, watches. What is missing is what needs kube-controller-manager: garbage
//     collection, tokens of service accounts, the removal of namespaces.
//   - InstallOrderplane puts on it what an installation has. Parts of it are InstallCRDs,
//     and Manifests with Apply.
//   - Orderplane.Manager, Gateway and Mirror are the product's components as child
//     processes, each with the RBAC of its service account. A Supervisor starts one again
//     when it has ended.
//
// Nothing is orphaned: the children are killed by the kernel when the thread that
// started them goes, and that thread lives exactly as long as they do.
package devcluster
