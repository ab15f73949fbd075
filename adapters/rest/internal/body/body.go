// Package body makes of the body of a request what every parser after it reads alike.
package body

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/orderplane/orderplane/internal/strictjson"
)

// Clean checks that a text is one JSON value in UTF-8 with each member once, whatever its capitals,
// and takes out the members that are null and that the schema knows: null says the same as absence. A
// text that is refused is a *strictjson.Error. The schema is nil where there is none.
func Clean(text []byte, schema *openapi3.Schema) ([]byte, error) {
	if err := strictjson.CheckFolded(text); err != nil {
		return nil, err
	}
	return withoutNulls(text, schema)
}

// withoutNulls takes out the members that are null. One that the schema does not
// know stays, to be refused. Numbers keep their literals.
func withoutNulls(text []byte, schema *openapi3.Schema) ([]byte, error) {
	if schema == nil || !bytes.Contains(text, []byte("null")) {
		return text, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("read the body again: %w", err)
	}
	dropNulls(value, schema)
	return json.Marshal(value)
}

func dropNulls(value any, schema *openapi3.Schema) {
	switch node := value.(type) {
	case map[string]any:
		for name, member := range schema.Properties {
			below, there := node[name]
			switch {
			case there && below == nil:
				delete(node, name)
			case there:
				dropNulls(below, member.Value)
			}
		}
	case []any:
		if schema.Items == nil {
			return
		}
		for _, entry := range node {
			dropNulls(entry, schema.Items.Value)
		}
	}
}
