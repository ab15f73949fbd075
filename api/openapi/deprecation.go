package openapi

import "maps"

// What an operation of the document that is deprecated says of it: since when, until when it is
// served at least, and where it is told what to do. The last two may be absent.
const (
	DeprecatedAt    = "x-deprecated-at"
	SunsetAt        = "x-sunset"
	DeprecationLink = "x-deprecation-link"
)

// describeDeprecation has every answer of an operation that is deprecated name the headers that
// say so.
func describeDeprecation(tree, operation any) {
	if deprecated, _ := in(operation, "deprecated").(bool); !deprecated {
		return
	}
	names := []string{"Deprecation"}
	if in(operation, SunsetAt) != nil {
		names = append(names, "Sunset")
	}
	if in(operation, DeprecationLink) != nil {
		names = append(names, "Link")
	}
	answers, _ := in(operation, "responses").(map[string]any)
	for status, response := range answers {
		// One that others have, too, is copied: theirs have no such headers.
		node, _ := referred(tree, response).(map[string]any)
		own := maps.Clone(node)
		headers, _ := own["headers"].(map[string]any)
		own["headers"] = maps.Clone(headers)
		addHeaders(own, names)
		answers[status] = own
	}
}
