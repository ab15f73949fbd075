package stock

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/decide"
	"github.com/orderplane/orderplane/controllers/stock/internal/pacing"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// firstAudit is how long after an acquisition the objects are compared again:
// soon, since informers may have been behind the lists that were loaded.
const firstAudit = time.Minute

// auditor compares what the objects of a namespace say with what its leader remembers.
type auditor struct {
	*scope

	since time.Time // the next audit is due a wait after this
	wait  time.Duration
}

func (a *auditor) restart(wait time.Duration) { a.since, a.wait = a.Clock.Now(), wait }

func (a *auditor) remaining() time.Duration {
	return pacing.Remaining(a.since, a.wait, a.Clock.Now())
}

func (a *auditor) isDue() bool { return a.remaining() == 0 }

// audit makes the comparison, when nothing is on the way between objects and memory, and
// has the memory forget what is gone. It returns the products whose stock that freed, and
// what the journal should say.
func (a *auditor) audit(ctx context.Context, m *decide.Memory) (freed []string, condition metav1.Condition, err error) {
	lists, err := a.store.Held(ctx, a.namespace)
	if err != nil {
		return nil, condition, fmt.Errorf("audit: %w", err)
	}
	a.restart(a.AuditInterval)
	freed = m.ForgetAbsent(lists.Items.Items, lists.Reservations.Items)
	drift := a.compare(ctx, m, &lists)
	condition = metav1.Condition{
		Type: v1alpha1.JournalConditionConsistent, Status: metav1.ConditionTrue, Reason: "AuditPassed",
		LastTransitionTime: metav1.NewTime(a.Clock.Now()),
	}
	if len(drift) > 0 {
		condition.Status, condition.Reason = metav1.ConditionFalse, "DriftFound"
		condition.Message = fmt.Sprintf("%d differences, first: %s. Somebody wrote a status by hand; put it back, or correct stock with a StockAdjustment of kind Counted", len(drift), drift[0])
	}
	return freed, condition, nil
}

// compare finds the differences, and makes them known. Of objects that are set aside it is
// known already that they don't say all there is.
func (a *auditor) compare(ctx context.Context, m *decide.Memory, lists *store.Lists) []stock.Drift {
	items, reservations := lists.Whole()
	drift := m.Audit(items, reservations)
	a.metrics.drift(a.namespace, len(drift))
	for _, d := range drift {
		logr.FromContextOrDiscard(ctx).Info("stock audit found a difference; it was not made through the journal", "difference", d.String())
	}
	return drift
}
