package openapi_test

import (
	"slices"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
)

// refused is what becomes of an empty list or object that could be taken for none.
const refused = "refused"

// empties says of every optional list and object of a spec what an empty one means.
// None may be taken for an absent one that means more.
func empties() map[string]string {
	return map[string]string{
		"orders.spec.cancellation":                refused,
		"orders.spec.contact":                     "nobody is told",
		"orders.spec.fulfillment":                 "shipped; who took it is not known",
		"orders.spec.policy":                      "15 minutes, 30 days, no approval without a person, kept for ever",
		"orders.spec.policy.notificationChannels": refused,
		"orders.spec.reservationRef":              refused,
		"orders.spec.return":                      refused,
		"orders.spec.return.decision":             refused,
		"orders.spec.return.items":                refused,
		"orderclasses.spec.notificationChannels":  refused,
		"stockreservations.spec.orderRef":         refused,
		"stockreservations.spec.restock":          "nothing is put back",
		"stockreservations.spec.takeOver":         refused,
	}
}

func TestEmptyIsNotTakenForAbsent(t *testing.T) {
	table := empties()
	for _, plural := range []string{"orders", "stockitems", "stockadjustments", "stockreservations", "orderclasses"} {
		root := specOf(t, plural)
		schemas := map[string]*apiextensions.JSONSchemaProps{plural + ".spec": root}
		walkCRD(plural+".spec", root, func(path, field string, s *apiextensions.JSONSchemaProps) {
			schemas[path] = s
			parent := schemas[path[:len(path)-len(field)-1]]
			if parent == nil || slices.Contains(parent.Required, field) || s.Type != "array" && s.Type != "object" {
				return
			}
			means, listed := table[path]
			if !listed {
				t.Errorf("%s: nobody says what an empty one means", path)
				return
			}
			empty := any(map[string]any{})
			if s.Type == "array" {
				empty = []any{}
			}
			validator, _, err := validation.NewSchemaValidator(s)
			if err != nil {
				t.Fatal(err)
			}
			if errs := validation.ValidateCustomResource(nil, empty, validator); (len(errs) > 0) != (means == refused) {
				t.Errorf("%s: an empty one is %s, but the schema says %v", path, means, errs)
			}
		})
	}
}
