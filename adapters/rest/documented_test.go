package rest_test

import (
	"net/http"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/orderplane/orderplane/api/openapi"
)

// operations finds the operation of a request in the document that clients get.
var operations = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi.Load()
	if err != nil {
		return nil, err
	}
	text, err := openapi.JSON(doc)
	if err != nil {
		return nil, err
	}
	served, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	served.Servers = nil
	return gorillamux.NewRouter(served)
})

// isDocumented reports whether the document names a status of the operation that a request is
// for. 500 is what tests provoke that break something, and no client is to get.
func isDocumented(r *http.Request, status int) (bool, error) {
	find, err := operations()
	if err != nil {
		return false, err
	}
	route, _, err := find.FindRoute(r)
	if err != nil {
		return true, nil //nolint:nilerr // no operation of the document
	}
	return status == http.StatusInternalServerError || route.Operation.Responses.Status(status) != nil, nil
}
