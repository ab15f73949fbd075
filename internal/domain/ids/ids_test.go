package ids_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/orderplane/orderplane/internal/domain/ids"
)

const key = "6f1c0d2e-0000-4000-8000-000000000001"

func TestOrderIsDeterministicAndAValidName(t *testing.T) {
	id := ids.Order("default", "cust-1", key)
	if again := ids.Order("default", "cust-1", key); again != id {
		t.Errorf("the same request is named %s and %s", id, again)
	}
	if problems := validation.IsDNS1123Label(id); len(problems) > 0 {
		t.Errorf("%s is no object name: %v", id, problems)
	}
	// A golden value: clients keep order ids, so the hash must never change.
	if want := "usifemevpjqrh7uyjjgmshxsld"; id != want {
		t.Errorf("id = %s, want %s", id, want)
	}
}

func TestDifferentRequestsHaveDifferentNames(t *testing.T) {
	seen := map[string]string{}
	for name, id := range map[string]string{
		"base":                         ids.Order("default", "cust-1", key),
		"other namespace":              ids.Order("shop", "cust-1", key),
		"other customer":               ids.Order("default", "cust-2", key),
		"other key":                    ids.Order("default", "cust-1", "6f1c0d2e-0000-4000-8000-000000000002"),
		"parts that run together":      ids.Order("default", "cust-1"+key[:1], key[1:]),
		"adjustment":                   ids.Adjustment("default", "cust-1", "prod-1", key),
		"adjustment for another":       ids.Adjustment("default", "cust-1", "prod-2", key),
		"command":                      ids.Command("cust-1", key),
		"command of another":           ids.Command("cust-2", key),
		"first return":                 ids.Return("uid-1", ""),
		"second return":                ids.Return("uid-1", ids.Return("uid-1", "")),
		"first return of another uid":  ids.Return("uid-2", ""),
		"parts that run together, too": ids.Return("uid-", "1"),
	} {
		if other, taken := seen[id]; taken {
			t.Errorf("%q and %q share the name %s", name, other, id)
		}
		seen[id] = name
	}
}
