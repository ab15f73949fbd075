package stock_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

func TestProject(t *testing.T) {
	type shown struct {
		OnHand, Reserved, Available int64
		InStock, LowStock, Oversold metav1.ConditionStatus
	}
	const yes, no = metav1.ConditionTrue, metav1.ConditionFalse
	for name, c := range map[string]struct {
		item     *itemBuilder
		reserved int64
		want     shown
	}{
		"nothing reserved":               {anItem("widget", 5), 0, shown{5, 0, 5, yes, no, no}},
		"some reserved":                  {anItem("widget", 5), 2, shown{5, 2, 3, yes, no, no}},
		"all reserved":                   {anItem("widget", 5), 5, shown{5, 5, 0, no, no, no}},
		"all that is not safety stock":   {anItem("widget", 5).safety(2), 3, shown{5, 3, 0, no, no, no}},
		"fewer than the threshold":       {anItem("widget", 5).threshold(4), 2, shown{5, 2, 3, yes, yes, no}},
		"as many as the threshold":       {anItem("widget", 5).threshold(3), 2, shown{5, 2, 3, yes, no, no}},
		"fewer than are reserved":        {anItem("widget", 0).holds(1, 4).threshold(1), 3, shown{1, 3, -2, no, yes, yes}},
		"reserved by the last unit":      {anItem("widget", 0).holds(3, 4), 3, shown{3, 3, 0, no, no, no}},
		"below zero, and nothing is due": {anItem("widget", 0).holds(-1, 4), 0, shown{-1, 0, -1, no, yes, yes}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &c.item.StockItem
			seq := o.Status.JournalSeq
			if !stock.Project(o, c.reserved, *at(0)) {
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
			if s.JournalSeq != seq || !s.AsOf.Equal(at(0)) || s.ObservedGeneration != 1 {
				t.Errorf("journalSeq %d, asOf %v, observedGeneration %d", s.JournalSeq, s.AsOf, s.ObservedGeneration)
			}
			if stock.Project(o, c.reserved, *at(time.Hour)) || !o.Status.AsOf.Equal(at(0)) {
				t.Error("projecting the same again changed something")
			}
		})
	}
}

// A projection may be written by a leader that was replaced: it moves no stock
// and hides no decision from the next redo.
func TestProjectionAndRedoDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	commit := entry(4, v1alpha1.EntryCommit, "r", "", line("widget", 2, 3))
	projected, plain := anItem("widget", 5), anItem("widget", 5)
	stock.Project(&projected.StockItem, 4, *at(0))
	for _, o := range []*itemBuilder{projected, plain} {
		if !journal.ApplyToItem([]*v1alpha1.JournalEntry{commit}, &o.StockItem) {
			t.Fatal("redo changed nothing")
		}
		stock.Project(&o.StockItem, 1, *at(0))
	}
	if diff := cmp.Diff(plain.StockItem, projected.StockItem); diff != "" {
		t.Errorf("(-plain +projected first):\n%s", diff)
	}
	if !stock.Project(&plain.StockItem, 2, *at(time.Minute)) {
		t.Error("a change of what is reserved is not shown")
	}
}
