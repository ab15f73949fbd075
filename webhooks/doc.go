// Package webhooks is admission that CEL in the schema can't do.
//
//   - /mutate-order fills in what a new order takes from its class (class,
//     currency, policy, finalizer), warns of products that do not exist, and
//     writes down who asked for an intent.
//   - /validate-orderclass compiles autoApproveReturns.
//
// Who may decide about a return, or move stock, is not asked here: the API server
// answers that itself, by admission policies (config/webhook/policies.yaml) that
// check a verb of our own in RBAC, and goes on doing so when this process is away.
//
// Match conditions keep the API server from calling when there is nothing to
// do: never for a status, not for an update without an intent, not for a create
// by somebody who may bring a policy along (verb preset on orders/policy) and did.
// So controllers and leases go on while the webhooks are away, and so does the
// gateway's creation of orders.
//
// The serving certificate needs no volume and no other operator: see certificateRotator.
package webhooks
