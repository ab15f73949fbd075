// Package devcluster runs etcd and kube-apiserver as child processes: a whole
// Kubernetes API on one machine, without containers and without a kubelet.
//
// The local stack runs on it, and so do the tests and the benchmark, so that all
// three meet the same API server that a cluster has: authentication by client
// certificate, RBAC, priority and fairness, CEL, watches. What is missing is what
// needs kube-controller-manager: garbage collection, tokens of service accounts,
// the removal of namespaces.
//
// Nothing is orphaned: the children are killed by the kernel when the thread that
// started them goes, and that thread lives exactly as long as they do.
package devcluster
