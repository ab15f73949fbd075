package journal

import (
	"fmt"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// DescribeShortages says in one line which products were short, and names at most eight.
func DescribeShortages(shortages []v1alpha1.StockShortage) string {
	const shown = 8
	if len(shortages) == 0 {
		return "stock is short"
	}
	var parts []string
	for i, short := range shortages {
		if i == shown {
			parts = append(parts, fmt.Sprintf("and %d more", len(shortages)-shown))
			break
		}
		switch short.Reason {
		case v1alpha1.ShortageUnknownProduct:
			parts = append(parts, fmt.Sprintf("%s does not exist", short.ProductID))
		case v1alpha1.ShortageOversold:
			parts = append(parts, fmt.Sprintf("%s is oversold: %d asked, %d available", short.ProductID, short.Requested, short.Available))
		default:
			parts = append(parts, fmt.Sprintf("%s is short: %d asked, %d available", short.ProductID, short.Requested, short.Available))
		}
	}
	return strings.Join(parts, "; ")
}
