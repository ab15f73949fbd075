// Package inbound carries out what others ask for on the topic order.cancel.requested
// (protocol rule 19, docs/design/0015-mirror.md).
//
// Each record ends in one of these ways, and its offset is committed only after that:
//
//   - The order gets spec.cancellation. The order controller does the rest.
//   - There is nothing to do: the order was cancelled or shipped before, or the archive has
//     it. So a record that comes twice does no harm.
//   - It is passed over: Orderplane wrote it itself, or it is older than the order, and was
//     about an earlier one of the same id.
//   - It can't be understood, or no order has its id. After three more tries it goes to
//     order.cancel.requested.DLT, with the error in its headers.
//
// The records of a batch are handled at once, since they do not depend on each other: one
// bad record holds up a batch for seven seconds, and so do a hundred. An API server or a
// broker that is away is waited for, and is no fault of the record.
package inbound
