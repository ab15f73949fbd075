package faults

import (
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Every document that can't be applied ends in a condition that says why and
// what to do, and nothing is changed by it.
func TestEveryRefusalSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.item("mug", 10)
	w.item("full", 0)
	full, err := read[v1alpha1.StockItem](w, "full")
	w.Expect(err).NotTo(HaveOccurred())
	w.book.startAt("full", journal.MaxOnHand-1) // more than documents of a test can add up to
	full.Status.OnHand = ptr.To(journal.MaxOnHand - 1)
	w.Expect(w.k8s.Status().Update(w.ctx, full)).To(Succeed())
	w.start(settings{})
	w.reserve("held", line{"mug", 6})
	w.document("delivery", "mug", v1alpha1.AdjustmentReceived, 1)
	w.Eventually(w.level("mug")).Should(Equal("11/6/5"))

	now := metav1.Now()
	hourAgo, inAnHour := metav1.NewTime(now.Add(-time.Hour)), metav1.NewTime(now.Add(time.Hour))
	type spec = v1alpha1.StockAdjustmentSpec
	refused := map[string]spec{
		journal.ReasonBelowReserved:    {Kind: v1alpha1.AdjustmentAdjusted, Quantity: -6, Reason: "broken"},
		journal.ReasonBelowZero:        {Kind: v1alpha1.AdjustmentAdjusted, Quantity: -12, Reason: "broken"},
		journal.ReasonStaleCount:       {Kind: v1alpha1.AdjustmentCounted, Quantity: 11, CountedAt: &hourAgo},
		journal.ReasonCountInFuture:    {Kind: v1alpha1.AdjustmentCounted, Quantity: 11, CountedAt: &inAnHour},
		journal.ReasonUnexpectedOnHand: {Kind: v1alpha1.AdjustmentCounted, Quantity: 11, CountedAt: &now, ExpectedOnHand: ptr.To(int64(9))},
		journal.ReasonQuantityOverflow: {Kind: v1alpha1.AdjustmentReceived, Quantity: 2, ProductID: "full"},
	}
	for reason, spec := range refused {
		if spec.ProductID == "" {
			spec.ProductID = "mug"
		}
		w.create(&v1alpha1.StockAdjustment{ObjectMeta: w.meta(strings.ToLower(reason)), Spec: spec})
	}
	for reason := range refused {
		w.Eventually(w.verdict(strings.ToLower(reason))).Should(Equal("Refused " + reason))
		d, err := read[v1alpha1.StockAdjustment](w, strings.ToLower(reason))
		w.Expect(err).NotTo(HaveOccurred())
		for _, kind := range []string{v1alpha1.AdjustmentConditionApplied, "Stalled"} {
			c := meta.FindStatusCondition(d.Status.Conditions, kind)
			w.Expect(c).NotTo(BeNil(), "%s: condition %s", reason, kind)
			w.Expect(c.Message).To(MatchRegexp("spec[.][a-zA-Z]+"), "%s: the message names the field", reason)
			w.Expect(len(c.Message)).To(BeNumerically(">", 40), "%s: the message says what to do", reason)
		}
	}
	w.document("early", "nothing", v1alpha1.AdjustmentReceived, 1)
	w.Eventually(w.verdict("early")).Should(Equal("Pending " + journal.ReasonUnknownProduct))
	remove[v1alpha1.StockAdjustment](w, "delivery")
	w.document("delivery", "mug", v1alpha1.AdjustmentReceived, 1)
	w.Eventually(w.verdict("delivery")).Should(Equal("Applied " + journal.ReasonAlreadyApplied))
	w.quiet(300 * time.Millisecond)
	w.Expect(w.level("mug")()).To(Equal("11/6/5"))
}

// What a condition or a shortage says is explained to people.
func TestEveryReasonIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/use/stock.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range []string{
		journal.ReasonApplied, journal.ReasonAlreadyApplied, journal.ReasonUnknownProduct, journal.ReasonBelowReserved, journal.ReasonBelowZero,
		journal.ReasonStaleCount, journal.ReasonCountInFuture, journal.ReasonUnexpectedOnHand, journal.ReasonQuantityOverflow,
		string(v1alpha1.ShortageInsufficientStock), string(v1alpha1.ShortageUnknownProduct), string(v1alpha1.ShortageOversold),
	} {
		if !strings.Contains(string(doc), "`"+reason+"`") {
			t.Errorf("docs/use/stock.md does not explain %s", reason)
		}
	}
}
