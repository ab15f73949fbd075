// Package shared holds what gateways share by Redis: how much a client may still ask, the first
// answers to idempotency keys, and stock levels. Redis is a help and never the truth. When it does
// not answer soon, the gateway goes on as if there were none.
package shared

import "context"

// Guard runs one call of Redis. It bounds the call's time, and does not make the call when Redis
// is known to be in trouble. The error is that of the call, or says why it was not made.
type Guard func(ctx context.Context, call func(context.Context) error) error
