package stock_test

import (
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/test/testenv"
)

var _ = Describe("A stock document that can't be applied", func() {
	It("ends in a condition that says why and what to do, and changes nothing", func(ctx SpecContext) {
		s := newShop()
		s.item(ctx, "mug", 10)
		s.item(ctx, "still", 10) // so that a count of this second is not of the second of a movement
		full := testenv.Item(s.namespace, "full", 0)
		Expect(s.Create(ctx, full)).To(Succeed())
		full.Status.OnHand = ptr.To(journal.MaxOnHand - 1) // more than an item may begin with
		Expect(s.Status().Update(ctx, full)).To(Succeed())
		s.start("manager")
		s.reserve(ctx, "held", testenv.Line("mug", 6))
		s.document(ctx, "delivery", "mug", v1alpha1.AdjustmentReceived, 1)
		Eventually(s.level(ctx, "mug")).Should(Equal("11/6/5"))

		now := metav1.Now()
		hourAgo, inAnHour := metav1.NewTime(now.Add(-time.Hour)), metav1.NewTime(now.Add(time.Hour))
		type spec = v1alpha1.StockAdjustmentSpec
		refused := map[string]spec{
			journal.ReasonBelowReserved:    {Kind: v1alpha1.AdjustmentAdjusted, Quantity: -6, Reason: "broken"},
			journal.ReasonBelowZero:        {Kind: v1alpha1.AdjustmentAdjusted, Quantity: -12, Reason: "broken"},
			journal.ReasonStaleCount:       {Kind: v1alpha1.AdjustmentCounted, Quantity: 11, CountedAt: &hourAgo},
			journal.ReasonCountInFuture:    {Kind: v1alpha1.AdjustmentCounted, Quantity: 11, CountedAt: &inAnHour},
			journal.ReasonUnexpectedOnHand: {Kind: v1alpha1.AdjustmentCounted, Quantity: 11, CountedAt: &now, ExpectedOnHand: ptr.To(int64(9)), ProductID: "still"},
			journal.ReasonQuantityOverflow: {Kind: v1alpha1.AdjustmentReceived, Quantity: 2, ProductID: "full"},
		}
		for reason, spec := range refused {
			if spec.ProductID == "" {
				spec.ProductID = "mug"
			}
			d := &v1alpha1.StockAdjustment{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: strings.ToLower(reason)}, Spec: spec}
			Expect(s.Create(ctx, d)).To(Succeed())
		}
		for reason := range refused {
			Eventually(s.verdict(ctx, strings.ToLower(reason))).Should(Equal("Refused " + reason))
			d := &v1alpha1.StockAdjustment{}
			Expect(s.read(ctx, strings.ToLower(reason), d)).To(Succeed())
			for _, kind := range []string{v1alpha1.AdjustmentConditionApplied, "Stalled"} {
				c := meta.FindStatusCondition(d.Status.Conditions, kind)
				Expect(c).NotTo(BeNil(), "%s: condition %s", reason, kind)
				Expect(c.Message).To(MatchRegexp("spec[.][a-zA-Z]+"), "%s: the message names the field", reason)
				Expect(len(c.Message)).To(BeNumerically(">", 40), "%s: the message says what to do", reason)
			}
		}
		s.document(ctx, "early", "nothing", v1alpha1.AdjustmentReceived, 1)
		Eventually(s.verdict(ctx, "early")).Should(Equal("Pending " + journal.ReasonUnknownProduct))
		s.remove(ctx, "delivery", &v1alpha1.StockAdjustment{})
		s.document(ctx, "delivery", "mug", v1alpha1.AdjustmentReceived, 1)
		Eventually(s.verdict(ctx, "delivery")).Should(Equal("Applied " + journal.ReasonAlreadyApplied))
		s.quiet(ctx)
		Expect(s.level(ctx, "mug")()).To(Equal("11/6/5"))
	})
})

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
		journal.ReasonItemGone, journal.ReasonItemMadeAgain, journal.ReasonItemDeleting, journal.ReasonWithdrawn, journal.ReasonTakenOver,
		string(v1alpha1.ShortageInsufficientStock), string(v1alpha1.ShortageUnknownProduct), string(v1alpha1.ShortageOversold),
	} {
		if !strings.Contains(string(doc), "`"+reason+"`") {
			t.Errorf("docs/use/stock.md does not explain %s", reason)
		}
	}
}
