package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/orderplane/orderplane/adapters/rest/internal/fields"
	"github.com/orderplane/orderplane/adapters/rest/wire"
)

// Error codes of the REST contract, and those that HTTP itself calls for.
const (
	codeInvalidRequest     = "INVALID_REQUEST"
	codeUnauthorized       = "UNAUTHORIZED"
	codeForbidden          = "FORBIDDEN"
	codeNotFound           = "NOT_FOUND"
	codeInvalidTransition  = "INVALID_TRANSITION"
	codeDuplicateOrder     = "DUPLICATE_ORDER"
	codeInsufficientStock  = "INSUFFICIENT_STOCK"
	codeStockRefused       = "ADJUSTMENT_REFUSED"
	codeRateLimitExceeded  = "RATE_LIMIT_EXCEEDED"
	codeServiceUnavailable = "SERVICE_UNAVAILABLE"
	codeMethodNotAllowed   = "METHOD_NOT_ALLOWED"
	codePayloadTooLarge    = "PAYLOAD_TOO_LARGE"
	codeUnsupportedMedia   = "UNSUPPORTED_MEDIA_TYPE"
	codePreconditionFailed = "PRECONDITION_FAILED"
	codeObjectUnreadable   = "OBJECT_UNREADABLE"
	codeBasketLimit        = "BASKET_LIMIT_REACHED"
	codeClientClosed       = "CLIENT_CLOSED_REQUEST"
	codeInternal           = "INTERNAL_ERROR"
)

// problem is an error that a client is told.
type problem struct {
	status  int
	code    string
	message string
	fields  []wire.FieldError
	// shortages are what an order was short of.
	shortages []wire.Shortage
	// header is what the answer has beside what every error has.
	header     http.Header
	retryAfter time.Duration
	// cause is for the log, never for the client.
	cause error
}

func (p *problem) Error() string {
	if p.cause != nil {
		return fmt.Sprintf("%d %s: %s: %v", p.status, p.code, p.message, p.cause)
	}
	return fmt.Sprintf("%d %s: %s", p.status, p.code, p.message)
}

func (p *problem) Unwrap() error { return p.cause }

func notFound(message string) *problem {
	return &problem{status: http.StatusNotFound, code: codeNotFound, message: message}
}

func forbidden(message string) *problem {
	return &problem{status: http.StatusForbidden, code: codeForbidden, message: message}
}

func invalidTransition(message string) *problem {
	return &problem{status: http.StatusConflict, code: codeInvalidTransition, message: message}
}

func preconditionFailed(cause error) *problem {
	return &problem{
		status: http.StatusPreconditionFailed, code: codePreconditionFailed,
		message: "If-Match: the order has changed since; read it again", cause: cause,
	}
}

// statusClientClosed is what the metrics show for a client that did not wait for
// its answer. Nobody gets it.
const statusClientClosed = 499

func clientClosedRequest(cause error) *problem {
	return &problem{status: statusClientClosed, code: codeClientClosed, message: "the client did not wait for the answer", cause: cause}
}

func invalidRequest(fields ...wire.FieldError) *problem {
	message := "the request is invalid"
	if len(fields) > 0 {
		message = fields[0].Field + ": " + fields[0].Message
	}
	return &problem{status: http.StatusBadRequest, code: codeInvalidRequest, message: message, fields: fields}
}

func unavailable(retryAfter time.Duration, cause error) *problem {
	return &problem{
		status: http.StatusServiceUnavailable, code: codeServiceUnavailable,
		message:    "the order service is not available at the moment; try again later",
		retryAfter: max(retryAfter, time.Second), cause: cause,
	}
}

func internalError(cause error) *problem {
	return &problem{
		status: http.StatusInternalServerError, code: codeInternal,
		message: "something went wrong here; the trace id helps to find out what", cause: cause,
	}
}

// write answers with the error body that every path has: that of the contract or, for who prefers
// it, that of RFC 9457.
func (p *problem) write(w http.ResponseWriter, r *http.Request, now time.Time) {
	header := w.Header()
	maps.Copy(header, p.header)
	header.Add("Vary", "Accept")
	header.Set("Cache-Control", "no-store")
	header.Del("Content-Length")
	if p.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(fields.Seconds(p.retryAfter)))
	}
	detail := wire.ErrorDetail{
		Code:        p.code,
		Message:     p.message,
		TraceId:     callFrom(r.Context()).trace.ID,
		Timestamp:   now.UTC().Truncate(time.Millisecond),
		Path:        r.URL.Path,
		FieldErrors: p.fields,
		Shortages:   p.shortages,
	}
	var answer any = wire.Error{Error: detail}
	mediaType := fields.JSON
	if fields.PrefersProblem(r.Header.Values("Accept")) {
		answer, mediaType = detail.Problem(p.status), fields.Problem
	}
	header.Set("Content-Type", mediaType)
	body, err := json.Marshal(answer)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(append(body, '\n'))
}
