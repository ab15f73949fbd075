// Package orders has the rules by which the mirror brings orders to the database and lets them
// leave the cluster (docs/design/0015-mirror.md).
//
// The mirror sees versions of an order, of any age, and the row of its name. [Apply] says what a
// version does to the row. [Plan] says what the mirror does next about the order. [Sweep] says what
// becomes of a row whose order is not there. All are called with the row locked, and what Plan
// wants of the cluster is written with the uid and the resourceVersion of the version.
//
// The tests explore these functions in a model: mirrors, gateways, people, a database that is set
// back or lost. Each rule is removed once there, and the model has to find out.
package orders
