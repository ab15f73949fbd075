package rest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/orderplane/orderplane/adapters/rest/wire"
)

// queries are the query parameters of each route: what the validator can't check,
// since it looks only for those that it knows.
type queries map[string][]string

func newQueries(doc *openapi3.T) queries {
	known := queries{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			var names []string
			for _, parameter := range append(slices.Clone(item.Parameters), operation.Parameters...) {
				if parameter.Value.In == openapi3.ParameterInQuery {
					names = append(names, parameter.Value.Name)
				}
			}
			known[method+" "+path] = names
		}
	}
	return known
}

// check refuses parameters that the route does not have, that come twice, or that
// are empty: each would do something else than its sender means.
func (q queries) check(route string, r *http.Request) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return invalidRequest(wire.FieldError{Field: "query", Message: "is not well formed: write it as name=value&name=value, with % before what is special"})
	}
	known := q[route]
	var wrong []wire.FieldError
	for name, said := range values {
		switch {
		case name == "":
			wrong = append(wrong, wire.FieldError{Field: "query", Message: "has a value without a name"})
		case !slices.Contains(known, name):
			wrong = append(wrong, wire.FieldError{Field: name, Message: "is not a known query parameter" + listed(known)})
		case len(said) > 1:
			wrong = append(wrong, wire.FieldError{Field: name, Message: "is given more than once"})
		case said[0] == "":
			wrong = append(wrong, wire.FieldError{Field: name, Message: "is empty; leave it out, or give it a value"})
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.SortFunc(wrong, func(a, b wire.FieldError) int { return cmp.Compare(a.Field, b.Field) })
	return invalidRequest(wrong[:min(len(wrong), maxFieldErrors)]...)
}

func listed(known []string) string {
	if len(known) == 0 {
		return "; this path has none"
	}
	return fmt.Sprintf("; there are %v", known)
}
