package journal_test

import (
	"strings"
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

func TestDescribeShortages(t *testing.T) {
	short := func(product string, why v1alpha1.ShortageReason) v1alpha1.StockShortage {
		return v1alpha1.StockShortage{ProductID: product, Requested: 3, Available: 1, Reason: why}
	}
	for name, tc := range map[string]struct {
		shortages []v1alpha1.StockShortage
		want      string
	}{
		"nothing is said to be short": {nil, "stock is short"},
		"each way to be short": {
			[]v1alpha1.StockShortage{
				short("widget", v1alpha1.ShortageInsufficientStock), short("gizmo", v1alpha1.ShortageOversold), short("ghost", v1alpha1.ShortageUnknownProduct),
			},
			"widget is short: 3 asked, 1 available; gizmo is oversold: 3 asked, 1 available; ghost does not exist",
		},
		"eight are named": {many(8, "x"), strings.Repeat("x does not exist; ", 7) + "x does not exist"},
		"and no more":     {many(10, "x"), strings.Repeat("x does not exist; ", 8) + "and 2 more"},
	} {
		if got := journal.DescribeShortages(tc.shortages); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func many(n int, product string) (out []v1alpha1.StockShortage) {
	for range n {
		out = append(out, v1alpha1.StockShortage{ProductID: product, Reason: v1alpha1.ShortageUnknownProduct})
	}
	return out
}
