// Package rest is the gateway: the REST API over the Kubernetes API.
//
// It keeps nothing. A create writes one Order object and answers; a command
// writes an intent into the order's spec and waits, on an informer, until the
// order controller has answered it in status; reads come from the informer's
// cache, and from the API server when the cache has not seen the object yet.
//
// It has no rule book of its own either. The shape of a request is checked
// against the OpenAPI document, everything else by the API server: its refusals
// are translated (problem_kube.go) into the errors of the REST contract.
//
// An order's name is a hash of namespace, customer and idempotency key. A create
// that is repeated, by a client, a proxy or two gateways at once, therefore meets
// AlreadyExists in etcd, and a fingerprint of the request kept on the order tells
// a repeat from another request under the same key.
package rest
