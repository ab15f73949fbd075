package faults

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// The API server refuses what the controller wants to write on single objects,
// as it does when a schema or somebody's policy changes. Those are parked, all
// others go on, also over a take-over; when the obstacle is gone they are done.
func TestWhatTheAPIServerRefusesIsParked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.start(settings{})
	w.item("mug", 20)
	w.item("cursed-item", 10)
	w.reserve("cursed-held", line{"mug", 3})
	w.Eventually(w.level("mug")).Should(Equal("20/3/17"))
	w.Eventually(w.level("cursed-item")).Should(Equal("10/0/10"))

	lift := w.curse()
	for _, name := range []string{"cursed-held", "cursed-new", "cursed-item"} {
		w.book.park(name)
	}
	w.want("cursed-held", v1alpha1.IntentCommit)
	w.reserve("cursed-new", line{"mug", 2})
	w.document("cursed-doc", "mug", v1alpha1.AdjustmentReceived, 5)
	w.document("doc", "cursed-item", v1alpha1.AdjustmentReceived, 5)
	w.reserve("both", line{"mug", 1}, line{"cursed-item", 12})
	w.Eventually(w.verdict("doc")).Should(Equal("Applied Applied"))
	w.Eventually(w.reservation("both")).Should(Equal(v1alpha1.ReservationReserved))
	w.Eventually(w.level("mug")).Should(Equal("22/3/19"))
	w.Expect(w.reservation("cursed-held")()).To(Equal(v1alpha1.ReservationReserved))
	w.Expect(w.reservation("cursed-new")()).To(Equal(v1alpha1.ReservationPending))
	w.Expect(w.level("cursed-item")()).To(Equal("10/0/10"))

	first.Kill()
	second := w.start(settings{holder: "successor"})
	w.reserve("after", line{"mug", 19})
	w.Eventually(w.reservation("after")).Should(Equal(v1alpha1.ReservationReserved), "others go on after a take-over")
	w.reserve("too-much", line{"mug", 1})
	w.Eventually(w.reservation("too-much")).Should(Equal(v1alpha1.ReservationRejected), "what is parked counts")
	tries := second.wire.count()
	w.Consistently(func() int64 { return second.wire.count() - tries }).WithTimeout(2*time.Second).
		Should(BeNumerically("<", 20), "what is refused is not tried in a tight loop")

	lift()
	w.Eventually(w.reservation("cursed-held")).Should(Equal(v1alpha1.ReservationCommitted))
	w.Eventually(w.reservation("cursed-new")).Should(Equal(v1alpha1.ReservationReserved))
	w.Eventually(w.verdict("cursed-doc")).Should(Equal("Applied Applied"))
	w.Eventually(w.level("cursed-item")).Should(Equal("15/12/3"))
	w.quiet(300 * time.Millisecond)
	w.Expect(w.level("mug")()).To(Equal("22/22/0"))
}

// curse has the API server refuse every write of a status whose object's name
// begins with cursed-, until the curse is lifted. Only in this namespace.
func (w *world) curse() (lift func()) {
	w.t.Helper()
	fail := admissionv1.Fail
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: w.ns},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Update},
					Rule: admissionv1.Rule{
						APIGroups: []string{v1alpha1.GroupVersion.Group}, APIVersions: []string{"*"},
						Resources: []string{"stockreservations/status", "stockitems/status", "stockadjustments/status"},
					},
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: "!object.metadata.name.startsWith('cursed-')", Message: "bad luck"}},
		},
	}
	w.Expect(w.k8s.Create(w.ctx, policy)).To(Succeed())
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.ns},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: w.ns, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.ns},
			}},
		},
	}
	w.Expect(w.k8s.Create(w.ctx, binding)).To(Succeed())
	w.t.Cleanup(func() {
		_ = w.k8s.Delete(context.Background(), binding) // lifted already
		_ = w.k8s.Delete(context.Background(), policy)
	})
	// Policies take a moment: try until one bites.
	w.reserve("cursed-probe", line{"nothing", 1})
	w.Eventually(func() error {
		r, err := read[v1alpha1.StockReservation](w, "cursed-probe")
		if err != nil {
			return err
		}
		return w.k8s.Status().Update(w.ctx, r)
	}).Should(MatchError(ContainSubstring("bad luck")))
	remove[v1alpha1.StockReservation](w, "cursed-probe")
	return func() { w.Expect(w.k8s.Delete(w.ctx, binding)).To(Succeed()) }
}
