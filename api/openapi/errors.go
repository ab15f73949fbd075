package openapi

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// errorPrefix is before the status in the names of the components that describe errors.
const errorPrefix = "Error"

// problemType is what is before the code in the type of a problem.
const problemType = "tag:orderplane.dev,2026:"

// describeAnswers completes the answers of the document: errors have their other form, and all have
// the headers that every answer has.
func describeAnswers(tree any) {
	responses, _ := in(tree, "components", "responses").(map[string]any)
	delete(responses, errorPrefix) // the generator's
	for name, response := range responses {
		code, found := strings.CutPrefix(name, errorPrefix)
		status, err := strconv.Atoi(code)
		if found && err == nil {
			addProblem(response, status)
		}
		addHeaders(response, headersOf(code))
	}
	paths, _ := in(tree, "paths").(map[string]any)
	for _, path := range paths {
		operations, _ := path.(map[string]any)
		for _, operation := range operations {
			answers, _ := in(operation, "responses").(map[string]any)
			for _, response := range answers {
				if in(response, "$ref") == nil {
					addHeaders(response, headersOf(""))
				}
			}
			describeDeprecation(tree, operation)
		}
	}
}

// headersOf are the names of the headers that answers of a status have.
func headersOf(status string) []string {
	names := []string{"X-Trace-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "RateLimit-Policy", "RateLimit"}
	switch status {
	case "401":
		return append(names, "Retry-After", "WWW-Authenticate")
	case "429", "503":
		return append(names, "Retry-After")
	}
	return names
}

func addHeaders(response any, names []string) {
	node, _ := response.(map[string]any)
	headers, _ := node["headers"].(map[string]any)
	if headers == nil {
		headers = map[string]any{}
		node["headers"] = headers
	}
	for _, name := range names {
		headers[name] = map[string]any{"$ref": "#/components/headers/" + name}
	}
}

// addProblem adds what an error is as application/problem+json (RFC 9457), with the same examples.
func addProblem(response any, status int) {
	content, _ := in(response, "content").(map[string]any)
	told, _ := in(content, "application/json", "examples").(map[string]any)
	examples := map[string]any{}
	for name, example := range told {
		examples[name] = map[string]any{
			"summary": in(example, "summary"),
			"value":   asProblem(in(example, "value", "error"), status),
		}
	}
	content["application/problem+json"] = map[string]any{
		"schema":   map[string]any{"$ref": "#/components/schemas/Problem"},
		"examples": examples,
	}
}

// asProblem is the detail of an error in its other form.
func asProblem(detail any, status int) map[string]any {
	members, _ := detail.(map[string]any)
	problem := maps.Clone(members)
	code, _ := problem["code"].(string)
	delete(problem, "message")
	problem["type"], problem["title"], problem["status"] = problemType+code, http.StatusText(status), status
	problem["detail"] = members["message"]
	return problem
}
