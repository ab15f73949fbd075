package rest

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/token"
)

// call is what is known of a request while it is served.
type call struct {
	// traceID is what X-Trace-Id said, or the trace id of traceparent, or a new one.
	traceID string
	// traceParent is the W3C traceparent that goes on with the order; empty when
	// the trace id is not one of W3C's.
	traceParent string
	// who the token speaks for.
	who token.Identity
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

// maxTraceID is how long an X-Trace-Id may be to be taken over.
const maxTraceID = 128

// newCall reads the trace of a request. A traceparent is believed when it is
// well formed; an X-Trace-Id wins as the id to show, since people search for it.
func newCall(header http.Header, newSpanID, newTraceID func() string) *call {
	c := &call{}
	if parent := only(header, "traceparent"); isTraceParent(parent) {
		c.traceParent = parent
		c.traceID = parent[3:35]
	}
	if id := only(header, "X-Trace-Id"); isTraceID(id) {
		c.traceID = id
	}
	if c.traceID == "" {
		c.traceID = newTraceID()
	}
	if c.traceParent == "" && isHex(c.traceID, 32) {
		c.traceParent = "00-" + c.traceID + "-" + newSpanID() + "-01"
	}
	return c
}

// only returns the value of a header that stands there once, else nothing: of two
// traces, others may take the other one.
func only(header http.Header, name string) string {
	if values := header.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// annotations are what an object says of the request that made it. An id that
// the traceparent has is not said twice: the API server keeps each annotation,
// and who set it, with every version of the object.
func (c *call) annotations() map[string]string {
	said := map[string]string{}
	if c.traceParent != "" {
		said[v1alpha1.TraceParentAnnotation] = c.traceParent
	}
	if c.traceParent == "" || c.traceParent[3:35] != c.traceID {
		said[v1alpha1.TraceIDAnnotation] = c.traceID
	}
	return said
}

// isTraceParent checks version 00 of the W3C header: 00-<32>-<16>-<2>.
func isTraceParent(s string) bool {
	if len(s) != 55 || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return false
	}
	return isHex(s[3:35], 32) && isHex(s[36:52], 16) && isHex(s[53:], 2) &&
		strings.Trim(s[3:35], "0") != "" && strings.Trim(s[36:52], "0") != ""
}

func isHex(s string, length int) bool {
	if len(s) != length || strings.ToLower(s) != s {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil
}

// isTraceID allows what is safe in a header, a log line and an annotation.
func isTraceID(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:/+=", r) {
			return false
		}
	}
	return s != "" && len(s) <= maxTraceID
}
