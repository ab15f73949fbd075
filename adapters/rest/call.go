package rest

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/orderplane/orderplane/internal/domain/trace"
	"github.com/orderplane/orderplane/internal/token"
)

// call is what is known of a request while it is served.
type call struct {
	// trace by which it is found again.
	trace trace.Trace
	// who the token speaks for.
	who token.Identity
	// until is when the token ends, and with it what lasts longer than an answer.
	until time.Time
	// streaming is when the answer became a stream; zero where it is none.
	streaming time.Time
	// headOnly says that the client wants the head of the answer and no content.
	headOnly bool
	// waited is how long the request has waited for Redis, in nanoseconds.
	waited atomic.Int64
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// callFrom returns the call that a context belongs to, an empty one when there is none.
func callFrom(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// newCall reads the trace of a request.
func newCall(header http.Header, ids trace.Source) *call {
	return &call{trace: trace.Of(only(header, "X-Trace-Id"), only(header, "traceparent"), ids)}
}

// only returns the value of a header that stands there once, else nothing: of two
// traces, others may take the other one.
func only(header http.Header, name string) string {
	if values := header.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}
