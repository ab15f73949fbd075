// Package mirror is the process that tells Postgres and Kafka what happens in one
// namespace: it applies objects to the databases, publishes the outbox, takes in what
// others ask for on a topic, and archives finished orders. Its rules are in
// internal/domain/mirror, its protocol in docs/design/0015-mirror.md.
//
// It writes to the cluster only what the protocol needs: finalizers, the marks of an
// order, a cancel that was asked for on a topic, and the deletion of what is archived.
// It writes no status and no journal.
//
// +kubebuilder:rbac:groups=orderplane.dev,resources=orders,verbs=get;list;watch;update;patch;delete
// +kubebuilder:rbac:groups=orderplane.dev,resources=orders/archive,verbs=archive
// +kubebuilder:rbac:groups=orderplane.dev,resources=stockreservations,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=orderplane.dev,resources=stockadjustments;stockitems,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=orderplane.dev,resources=stockjournals;orderclasses,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
package mirror
