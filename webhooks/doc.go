// Package webhooks is admission that CEL in the schema can't do.
//
//   - /mutate-order fills in what a new order takes from its class (class,
//     currency, policy, finalizer), warns of products that do not exist, and
//     writes down who asked for an intent. Where a mirror serves the namespace it adds
//     the mirror's finalizer, and the mark of an order whose archive nobody asked; in an
//     update that leaves them out it puts both back.
//   - /mutate-stockadjustment writes down who makes a stock document.
//   - /mutate-stockreservation and /mutate-stockadjustment have baskets and documents of a
//     mirrored namespace stay until the mirror has told of them.
//   - /validate-orderclass compiles autoApproveReturns.
//
// Who may decide about a return, move stock, or archive an order, is not asked here: the API server
// answers that itself, by admission policies (config/webhook/policies.yaml) that
// check a verb of our own in RBAC, and goes on doing so when this process is away.
//
// Match conditions keep the API server from calling when there is nothing to
// do: never for a status, not for an update without an intent, not for a create
// by somebody who may bring a policy along (verb preset on orders/policy) and did,
// never for the reservation of an order.
// So controllers and leases go on while the webhooks are away, and so does the
// gateway's creation of orders.
//
// The webhook of baskets is the only one that is passed over when it can't be reached
// (failurePolicy Ignore). Nothing else depends on it: the mirror gives the finalizer to
// what lacks it, and where there is no mirror baskets were made without a webhook all along.
//
// The serving certificate needs no volume and no other operator: see certificateRotator.
package webhooks
