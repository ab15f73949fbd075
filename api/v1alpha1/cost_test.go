package v1alpha1_test

import (
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
)

// Lists have up to 250 lines. A rule that goes through a list for each line of a list takes
// about a second of the API server's processor then, at each write of such an object. What
// looks for a line does it with indexOf over names, which is sixty times as fast; a list of
// one that only gives a thing a name counts for nothing.
func TestNoRuleComparesEachLineWithEachOther(t *testing.T) {
	env, err := cel.NewEnv(cel.OptionalTypes())
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, plural := range []string{"orders", "orderclasses", "stockitems", "stockadjustments", "stockreservations", "stockjournals"} {
		for _, rule := range rules(newJudge(t, plural).schema) {
			parsed, issues := env.Parse(rule)
			if issues.Err() != nil {
				t.Fatalf("%s: %q: %v", plural, rule, issues.Err())
			}
			checked++
			if n := loops(parsed.NativeRep().Expr()); n > 1 {
				t.Errorf("%s: a rule goes through lists %d deep: %s", plural, n, rule)
			}
		}
	}
	if checked < 40 {
		t.Errorf("only %d rules were looked at", checked)
	}
}

func rules(s *schema.Structural) (all []string) {
	for _, rule := range s.XValidations {
		all = append(all, rule.Rule)
	}
	for _, property := range s.Properties {
		all = append(all, rules(&property)...)
	}
	if s.Items != nil {
		all = append(all, rules(s.Items)...)
	}
	return all
}

// loops is how deep an expression goes through lists within lists.
func loops(e ast.Expr) int {
	deepest := func(all ...ast.Expr) (n int) {
		for _, below := range all {
			n = max(n, loops(below))
		}
		return n
	}
	switch e.Kind() {
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return max(deepest(call.Args()...), loops(call.Target()))
		}
		return deepest(call.Args()...)
	case ast.ListKind:
		return deepest(e.AsList().Elements()...)
	case ast.SelectKind:
		return loops(e.AsSelect().Operand())
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		once, each := deepest(c.IterRange(), c.AccuInit(), c.Result()), deepest(c.LoopCondition(), c.LoopStep())
		if c.IterRange().Kind() != ast.ListKind {
			each++
		}
		return max(once, each)
	default:
		return 0
	}
}
