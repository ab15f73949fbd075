package cachedclient_test

import (
	"encoding/json"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// tree is an object whose leaves are JSON.
type tree = map[string]any

// scene is how fields of a kind come to be written: into a new object, a changed one, or a status.
type scene struct {
	kind, what string
	// spec is merged into the least that the schema asks for.
	spec tree
	// status is written first, so that the change is allowed.
	status tree
	// with is written together with each value.
	with tree
	// under is where the fields are that are tried, not where those are that are not.
	under, not []string
}

const created, changed, answered = "create", "update", "status"

var scenes = []scene{
	{kind: "Order", what: created, under: []string{"spec", "metadata"}, not: []string{"spec.fulfillment", "spec.return"}},
	{kind: "Order", what: changed, status: tree{"phase": "Confirmed"}, under: []string{"spec.fulfillment"}},
	{kind: "Order", what: changed, status: tree{"phase": "Fulfilled"}, under: []string{"spec.return"}, not: []string{"spec.return.decision"}},
	{kind: "Order", what: "decision", status: tree{"phase": "ReturnRequested"}, under: []string{"spec.return.decision"}},
	{kind: "Order", what: answered, under: []string{"status"}},
	{kind: "OrderClass", what: created, under: []string{"spec", "metadata"}},
	{kind: "StockReservation", what: created, under: []string{"spec", "metadata"}},
	{kind: "StockReservation", what: changed, spec: tree{"intent": "Commit"}, status: tree{"phase": "Committed"}, with: tree{"intent": "Restock"}, under: []string{"spec.restock"}},
	{kind: "StockReservation", what: answered, under: []string{"status"}},
	{kind: "StockItem", what: created, under: []string{"spec", "metadata"}},
	{kind: "StockItem", what: answered, under: []string{"status"}},
	{kind: "StockAdjustment", what: created, spec: tree{"kind": "Received"}, under: []string{"spec", "metadata"}},
	{kind: "StockAdjustment", what: created, spec: tree{"kind": "Counted", "countedAt": "2026-03-01T12:00:00Z"}, under: []string{"spec"}},
	{kind: "StockAdjustment", what: answered, under: []string{"status"}},
	{kind: "StockJournal", what: answered, under: []string{"status"}},
}

// tries reports whether a scene tries a field.
func (s scene) tries(path string) bool {
	is := func(above string) bool {
		return path == above || strings.HasPrefix(path, above+".") || strings.HasPrefix(path, above+"[")
	}
	return slices.ContainsFunc(s.under, is) && !slices.ContainsFunc(s.not, is)
}

// hints are values of fields of which the schema does not say enough, by name.
var hints = map[string]string{
	"productID": `"tea"`, "unitPrice": `"1"`, "phone": `"+4917012345678"`, "language": `"de"`, "email": `"a@example.org"`, "phase": `"Pending"`, "reason": `"Because"`, "state": `"Requested"`,
	"pendingTimeout": `"1h"`, "returnWindow": `"1h"`, "retention": `"1h"`, "type": `"Confirmed"`, "verdict": `"Approve"`, "kind": `"Received"`, "name": `"n"`,
}

// least is the least that a schema asks for.
func least(s *apiextensionsv1.JSONSchemaProps, name string) any {
	hint := json.RawMessage(hints[name])
	switch {
	case s.Type == "object":
		o := tree{}
		for _, required := range s.Required {
			p := s.Properties[required]
			o[required] = least(&p, required)
		}
		return o
	case s.Type == "array":
		return []any{least(s.Items.Schema, name)}
	case len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(e apiextensionsv1.JSON) bool { return string(e.Raw) == string(hint) }):
		return json.RawMessage(s.Enum[0].Raw)
	case len(hint) > 0 && s.Type == "string":
		return hint
	case s.Type == "integer":
		return json.RawMessage("1")
	case s.Type == "boolean":
		return json.RawMessage("true")
	case s.Format == "date-time":
		return json.RawMessage(`"2026-03-01T12:00:00Z"`)
	default:
		return json.RawMessage(`"a"`)
	}
}

// set puts a value into a field, and the least of everything that is missing on the way.
func set(o tree, s *apiextensionsv1.JSONSchemaProps, path []string, value json.RawMessage) {
	name, isList := strings.CutSuffix(path[0], "[]")
	p := s.Properties[name]
	if len(path) == 1 && !isList {
		o[name] = value
		return
	}
	if o[name] == nil {
		o[name] = least(&p, name)
	}
	if !isList {
		set(o[name].(tree), &p, path[1:], value)
		return
	}
	items, _ := o[name].([]any)
	if len(items) == 0 {
		items = []any{least(p.Items.Schema, name)}
		o[name] = items
	}
	if len(path) == 1 {
		items[0] = value
		return
	}
	set(items[0].(tree), p.Items.Schema, path[1:], value)
}
