package wire

import (
	"net/http"
	"time"
)

// Problem is an error as RFC 9457 has it, the schema Problem of the document.
type Problem struct {
	// Type names the error for programs, by its code.
	Type string `json:"type"`
	// Title is the text of the status.
	Title string `json:"title"`
	// Status is the one of the answer.
	Status int `json:"status"`
	// Detail is the message of the other form.
	Detail      string       `json:"detail"`
	Code        ErrorCode    `json:"code"`
	TraceID     string       `json:"traceId"`
	Timestamp   time.Time    `json:"timestamp"`
	Path        string       `json:"path"`
	FieldErrors []FieldError `json:"fieldErrors,omitempty"`
	Shortages   []Shortage   `json:"shortages,omitempty"`
}

// problemType is what is before the code in the type of a problem. RFC 9457, 3.1.1, wants a tag
// URI (RFC 4151) for what can't be looked up.
const problemType = "tag:orderplane.dev,2026:"

// Problem is the same error in the other form.
func (e ErrorDetail) Problem(status int) Problem {
	return Problem{
		Type: problemType + e.Code, Title: http.StatusText(status), Status: status, Detail: e.Message, Code: e.Code, TraceID: e.TraceId,
		Timestamp: e.Timestamp, Path: e.Path, FieldErrors: e.FieldErrors, Shortages: e.Shortages,
	}
}
