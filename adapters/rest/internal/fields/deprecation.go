package fields

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/orderplane/orderplane/api/openapi"
)

// Deprecations are the headers that answers of deprecated operations have, by route, such as
// "GET /api/orders": Deprecation (RFC 9745), Sunset (RFC 8594) and a Link to the page about it. An
// operation that is deprecated and does not say since when, or ends before that, is an error.
func Deprecations(doc *openapi3.T) (map[string]http.Header, error) {
	all := map[string]http.Header{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if !operation.Deprecated {
				continue
			}
			route := method + " " + path
			header, err := deprecation(operation.Extensions)
			if err != nil {
				return nil, fmt.Errorf("%s is deprecated: %w", route, err)
			}
			all[route] = header
		}
	}
	return all, nil
}

func deprecation(extensions map[string]any) (http.Header, error) {
	since, err := timeOf(extensions, openapi.DeprecatedAt)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Deprecation": {"@" + strconv.FormatInt(since.Unix(), 10)}}
	if extensions[openapi.SunsetAt] != nil {
		until, err := timeOf(extensions, openapi.SunsetAt)
		if err != nil {
			return nil, err
		}
		if until.Before(since) {
			return nil, errors.New(openapi.SunsetAt + " is before " + openapi.DeprecatedAt)
		}
		header.Set("Sunset", until.UTC().Format(http.TimeFormat))
	}
	if link, ok := extensions[openapi.DeprecationLink].(string); ok {
		header.Set("Link", "<"+link+`>; rel="deprecation"`)
	}
	return header, nil
}

// timeOf reads a time from an extension, such as 2027-01-01T00:00:00Z.
func timeOf(extensions map[string]any, name string) (time.Time, error) {
	text, _ := extensions[name].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %q is no time such as 2027-01-01T00:00:00Z", name, text)
	}
	return at, nil
}
