package rest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// operations finds the operation of a request in the document that clients get.
var operations = sync.OnceValues(func() (routers.Router, error) {
	doc, err := madeDocument()
	if err != nil {
		return nil, err
	}
	served, err := openapi3.NewLoader().LoadFromData(doc.JSON)
	if err != nil {
		return nil, err
	}
	served.Servers = nil
	return gorillamux.NewRouter(served)
})

// undocumented says in what an answer is not what the document says of its operation: the status,
// a header, the media type or the body. 500 is what tests provoke that break something, and no
// client is to get.
func undocumented(r *http.Request, response *http.Response, body string) error {
	find, err := operations()
	if err != nil {
		return err
	}
	route, path, err := find.FindRoute(r)
	if err != nil || response.StatusCode == http.StatusInternalServerError {
		return nil //nolint:nilerr // no operation of the document
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: path, Route: route},
		Status:                 response.StatusCode, Header: response.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	// No schema says what is in a stream of events.
	input.Options.ExcludeResponseBody = response.Header.Get("Content-Type") == "text/event-stream"
	input.Body = io.NopCloser(strings.NewReader(body))
	return openapi3filter.ValidateResponse(context.Background(), input)
}
