// Package approval evaluates the CEL expression by which an OrderClass approves
// returns without a person (autoApproveReturns).
//
// An expression sees four variables:
//
//   - order: the order as the API server shows it, with metadata, spec and status.
//   - refundMinor: what would be paid back, in minor units of the order's
//     currency (cents for EUR, yen for JPY), an int.
//   - refundedMinor: what was paid back for parts that came back before, likewise. A
//     rule that limits refundMinor alone approves any order, part by part.
//   - totalMinor: the total of the order, likewise.
//
// Amounts are given as ints because the decimals in order are strings, and
// double("0.1") is not a tenth. There is nothing that tells the time: an
// expression gives the same answer whenever it is asked.
package approval

import (
	"fmt"
	"sync"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/money"
)

// costLimit bounds one evaluation: some thousand comparisons over the 250 lines that
// an order may have, a few milliseconds.
const costLimit = 100_000

// Rule is a compiled expression. It may be used from many goroutines.
type Rule struct{ program cel.Program }

// Compile reads an expression. The error says where and why it is no rule.
func Compile(expression string) (*Rule, error) {
	env, err := cel.NewEnv(
		cel.Variable("order", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("refundMinor", cel.IntType),
		cel.Variable("refundedMinor", cel.IntType),
		cel.Variable("totalMinor", cel.IntType),
	)
	if err != nil {
		return nil, fmt.Errorf("prepare CEL: %w", err)
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, fmt.Errorf("not a CEL expression over order, refundMinor, refundedMinor and totalMinor: %w", issues.Err())
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("yields %s, not true or false; compare it with something", ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit))
	if err != nil {
		return nil, fmt.Errorf("prepare the CEL expression: %w", err)
	}
	return &Rule{program: program}, nil
}

// Approves is whether the return that is open on an order is approved. An error
// is no answer: a person decides.
func (r *Rule) Approves(o *v1alpha1.Order) (bool, error) {
	if o.Status.Return == nil {
		return false, fmt.Errorf("order %s has no return to approve", o.Name)
	}
	refund, err := minor("status.return.refundAmount", o.Status.Return.RefundAmount, o.Status.Currency)
	if err != nil {
		return false, err
	}
	refunded := int64(0)
	if o.Status.RefundAmount != "" {
		if refunded, err = minor("status.refundAmount", o.Status.RefundAmount, o.Status.Currency); err != nil {
			return false, err
		}
	}
	total, err := minor("status.totalAmount", o.Status.TotalAmount, o.Status.Currency)
	if err != nil {
		return false, err
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return false, fmt.Errorf("show order %s to CEL: %w", o.Name, err)
	}
	answer, _, err := r.program.Eval(map[string]any{"order": fields, "refundMinor": refund, "refundedMinor": refunded, "totalMinor": total})
	if err != nil {
		return false, fmt.Errorf("evaluate: %w", err)
	}
	approved, ok := answer.Value().(bool)
	if !ok {
		return false, fmt.Errorf("evaluate: yields %v, not true or false", answer.Value())
	}
	return approved, nil
}

func minor(field, decimal string, currency v1alpha1.Currency) (int64, error) {
	amount, err := money.Parse(decimal, string(currency))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", field, err)
	}
	n, fits := amount.Minor()
	if !fits {
		return 0, fmt.Errorf("%s: %s is too large for a rule to judge", field, decimal)
	}
	return n, nil
}

// Rules keeps compiled expressions: there are as many as classes ever had, and
// compiling one takes longer than a hundred evaluations.
type Rules struct {
	mu       sync.Mutex
	compiled map[string]compiled
}

type compiled struct {
	rule *Rule
	err  error
}

// maxRules is far above the number of classes of any cluster. Orders may carry
// expressions of their own where the webhooks are not installed; then what is
// kept starts over.
const maxRules = 256

// Compile is Compile, remembered.
func (r *Rules) Compile(expression string) (*Rule, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, known := r.compiled[expression]; known {
		return c.rule, c.err
	}
	if r.compiled == nil || len(r.compiled) >= maxRules {
		r.compiled = map[string]compiled{}
	}
	rule, err := Compile(expression)
	r.compiled[expression] = compiled{rule, err}
	return rule, err
}
