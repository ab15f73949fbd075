package approval

import (
	"fmt"
	"testing"
)

// Where the webhooks are not installed, every order may bring an expression of its own.
func TestRulesAreBounded(t *testing.T) {
	rules := &Rules{compiled: map[string]compiled{}}
	for i := range maxRules {
		rules.compiled[fmt.Sprint(i)] = compiled{}
	}
	if _, err := rules.Compile("true"); err != nil {
		t.Fatal(err)
	}
	if n := len(rules.compiled); n > maxRules {
		t.Errorf("%d expressions are kept", n)
	}
}
