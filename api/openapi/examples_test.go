package openapi_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// jsonType is what bodies are sent and answered as.
const jsonType = "application/json"

// Every body that a client sends has an example, and so has every good answer with a body. Each
// is as its schema says, and has no member that the schema does not know.
func TestEveryRequestAndEveryGoodAnswerHasAnExample(t *testing.T) {
	checked := 0
	check := func(where string, content openapi3.Content) {
		media := content.Get(jsonType)
		if media == nil {
			return // a stream of events has its example in its own form
		}
		if len(media.Examples) == 0 {
			t.Errorf("%s has no example", where)
		}
		for name, example := range media.Examples {
			at := where + ", example " + name
			checked++
			if example.Value.Summary == "" {
				t.Errorf("%s has no summary", at)
			}
			if err := media.Schema.Value.VisitJSON(example.Value.Value); err != nil {
				t.Errorf("%s: %v", at, err)
			}
			unknownMembers("value", media.Schema.Value, example.Value.Value, func(member string) {
				t.Errorf("%s: the schema has no member %s", at, member)
			})
		}
	}
	for path, item := range served(t).Paths.Map() {
		for method, operation := range item.Operations() {
			where := method + " " + path
			if operation.RequestBody != nil {
				check(where+", request", operation.RequestBody.Value.Content)
			}
			for status, response := range operation.Responses.Map() {
				if status[0] == '2' {
					check(where+", "+status, response.Value.Content)
				}
			}
		}
	}
	if checked < 40 {
		t.Errorf("only %d examples", checked)
	}
}

// unknownMembers tells the members of a value that its schema does not have.
func unknownMembers(at string, schema *openapi3.Schema, value any, tell func(member string)) {
	known, items := openapi3.Schemas{}, schema.Items
	maps.Copy(known, schema.Properties)
	for _, part := range schema.AllOf {
		maps.Copy(known, part.Value.Properties)
		if items == nil {
			items = part.Value.Items
		}
	}
	switch node := value.(type) {
	case map[string]any:
		for name, member := range node {
			if known[name] == nil {
				tell(at + "." + name)
				continue
			}
			unknownMembers(at+"."+name, known[name].Value, member, tell)
		}
	case []any:
		for i, member := range node {
			unknownMembers(fmt.Sprintf("%s[%d]", at, i), items.Value, member, tell)
		}
	}
}
