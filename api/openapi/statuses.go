package openapi

import "strings"

// alsoAnswers lists the statuses of errors that an operation has besides those of its kind.
const alsoAnswers = "x-go-statuses"

// nameStatuses has every operation name the statuses of its errors, in place of "default". They
// go by what an operation takes, so the document has the rule in one place.
func nameStatuses(tree any) {
	paths, _ := in(tree, "paths").(map[string]any)
	for _, path := range paths {
		item, _ := path.(map[string]any)
		for _, operation := range item {
			responses, _ := in(operation, "responses").(map[string]any)
			if _, answers := responses["default"]; !answers {
				continue
			}
			delete(responses, "default")
			for _, status := range errorsOf(tree, item, operation) {
				responses[status] = map[string]any{"$ref": "#/components/responses/" + errorPrefix + status}
			}
		}
	}
}

// errorsOf are the statuses of the errors of an operation. 500 is none of them: no request is to
// be answered so.
func errorsOf(tree, item, operation any) []string {
	statuses := []string{"400", "401", "403", "429", "503"}
	if takes(tree, item, operation, "in", "path") {
		statuses = append(statuses, "404", "409")
	}
	if in(operation, "requestBody") != nil {
		statuses = append(statuses, "409", "413", "415")
	}
	if takes(tree, item, operation, "name", "If-Match") {
		statuses = append(statuses, "412")
	}
	also, _ := in(operation, alsoAnswers).([]any)
	for _, status := range also {
		if text, ok := status.(string); ok {
			statuses = append(statuses, text)
		}
	}
	return statuses
}

// takes reports whether an operation has a parameter of which a member has a value.
func takes(tree, item, operation any, member, value string) bool {
	for _, of := range []any{item, operation} {
		parameters, _ := in(of, "parameters").([]any)
		for _, parameter := range parameters {
			if in(referred(tree, parameter), member) == value {
				return true
			}
		}
	}
	return false
}

// referred is what a reference within the document leads to, or the node itself.
func referred(tree, node any) any {
	ref, ok := in(node, "$ref").(string)
	if !ok {
		return node
	}
	return in(tree, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}
