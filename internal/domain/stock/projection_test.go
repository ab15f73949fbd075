package stock_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

func TestProject(t *testing.T) {
	type shown struct {
		OnHand, Reserved, Available int64
		InStock, LowStock, Oversold metav1.ConditionStatus
	}
	const yes, no = metav1.ConditionTrue, metav1.ConditionFalse
	for name, c := range map[string]struct {
		item     *stocktest.Item
		reserved int64
		want     shown
	}{
		"nothing reserved":               {stocktest.AnItem("widget", 5), 0, shown{5, 0, 5, yes, no, no}},
		"some reserved":                  {stocktest.AnItem("widget", 5), 2, shown{5, 2, 3, yes, no, no}},
		"all reserved":                   {stocktest.AnItem("widget", 5), 5, shown{5, 5, 0, no, no, no}},
		"all that is not safety stock":   {stocktest.AnItem("widget", 5).Safety(2), 3, shown{5, 3, 0, no, no, no}},
		"fewer than the threshold":       {stocktest.AnItem("widget", 5).Threshold(4), 2, shown{5, 2, 3, yes, yes, no}},
		"as many as the threshold":       {stocktest.AnItem("widget", 5).Threshold(3), 2, shown{5, 2, 3, yes, no, no}},
		"fewer than are reserved":        {stocktest.AnItem("widget", 0).Holds(1, 4).Threshold(1), 3, shown{1, 3, -2, no, yes, yes}},
		"reserved by the last unit":      {stocktest.AnItem("widget", 0).Holds(3, 4), 3, shown{3, 3, 0, no, no, no}},
		"below zero, and nothing is due": {stocktest.AnItem("widget", 0).Holds(-1, 4), 0, shown{-1, 0, -1, no, yes, yes}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &c.item.StockItem
			seq := o.Status.JournalSeq
			if !stock.Project(o, c.reserved, *stocktest.At(0)) {
				t.Error("the first projection changed nothing")
			}
			s := o.Status
			got := shown{OnHand: *s.OnHand, Reserved: s.Reserved, Available: s.Available}
			for _, condition := range s.Conditions {
				switch condition.Type {
				case v1alpha1.StockItemConditionInStock:
					got.InStock = condition.Status
				case v1alpha1.StockItemConditionLowStock:
					got.LowStock = condition.Status
				case v1alpha1.StockItemConditionOversold:
					got.Oversold = condition.Status
				}
				if condition.Reason == "" || condition.Status == yes && condition.Type != v1alpha1.StockItemConditionInStock && condition.Message == "" {
					t.Errorf("condition %s says nothing", condition.Type)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if s.JournalSeq != seq || !s.AsOf.Equal(stocktest.At(0)) || s.ObservedGeneration != 1 {
				t.Errorf("journalSeq %d, asOf %v, observedGeneration %d", s.JournalSeq, s.AsOf, s.ObservedGeneration)
			}
			if stock.Project(o, c.reserved, *stocktest.At(time.Hour)) || !o.Status.AsOf.Equal(stocktest.At(0)) {
				t.Error("projecting the same again changed something")
			}
		})
	}
}

// A projection may be written by a leader that was replaced: it moves no stock
// and hides no decision from the next redo.
func TestProjectionAndRedoDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	commit := stocktest.Entry(4, v1alpha1.EntryCommit, "r", "", stocktest.Line("widget", 2, 3))
	projected, plain := stocktest.AnItem("widget", 5), stocktest.AnItem("widget", 5)
	stock.Project(&projected.StockItem, 4, *stocktest.At(0))
	for _, o := range []*stocktest.Item{projected, plain} {
		if !journal.ApplyToItem([]*v1alpha1.JournalEntry{commit}, &o.StockItem) {
			t.Fatal("redo changed nothing")
		}
		stock.Project(&o.StockItem, 1, *stocktest.At(0))
	}
	if diff := cmp.Diff(plain.StockItem, projected.StockItem); diff != "" {
		t.Errorf("(-plain +projected first):\n%s", diff)
	}
	if !stock.Project(&plain.StockItem, 2, *stocktest.At(time.Minute)) {
		t.Error("a change of what is reserved is not shown")
	}
}
