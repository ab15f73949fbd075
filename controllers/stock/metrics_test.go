package stock

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// Units that are on no shelf are counted once they are decided, by why.
func TestUnitsThatMovedNothingAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m, err := newMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	m.decided([]*v1alpha1.JournalEntry{
		stocktest.Entry(1, v1alpha1.EntryRestock, "r", journal.ReasonItemGone, stocktest.NotMoved(stocktest.Line("widget", 2, 0)), stocktest.NotMoved(stocktest.Line("gadget", 3, 0)), stocktest.Line("cup", 9, 9)),
		stocktest.Entry(2, v1alpha1.EntryRestock, "s", "", stocktest.Line("widget", 2, 0)),
		stocktest.Entry(3, v1alpha1.EntryCommit, "t", journal.ReasonItemMadeAgain, stocktest.NotMoved(stocktest.Line("widget", 4, 0))),
	})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "orderplane_stock_units_not_moved_total" {
			continue
		}
		for _, series := range f.GetMetric() {
			var labels []string
			for _, l := range series.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			got[strings.Join(labels, " ")] = series.GetCounter().GetValue()
		}
	}
	want := map[string]float64{"kind=Restock reason=ItemGone": 5, "kind=Commit reason=ItemMadeAgain": 4}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
}
