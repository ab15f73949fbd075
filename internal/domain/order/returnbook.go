package order

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/money"
)

// returnBook is how many units of each line of an order came back earlier, and how many
// a return brings back now. Lines are known by their index.
type returnBook struct {
	items       []v1alpha1.OrderItem
	before, now []int64
}

// returnBookOf is the book of an order, without the return that is open.
func returnBookOf(o *v1alpha1.Order) *returnBook {
	b := &returnBook{
		items:  o.Spec.Items,
		before: make([]int64, len(o.Spec.Items)), now: make([]int64, len(o.Spec.Items)),
	}
	for _, r := range o.Status.ReturnedItems {
		if i := int(r.Line) - 1; i >= 0 && i < len(b.before) {
			b.before[i] = r.Quantity
		}
	}
	return b
}

// left is how many units of a line did not come back.
func (b *returnBook) left(i int) int64 { return max(b.items[i].Quantity-b.before[i]-b.now[i], 0) }

// isEmpty is whether nothing is left to come back.
func (b *returnBook) isEmpty() bool {
	for i := range b.items {
		if b.left(i) > 0 {
			return false
		}
	}
	return true
}

// ask brings back what a request names, all that is left when it names nothing. It says
// why that can't be; "" when it can.
func (b *returnBook) ask(asked []v1alpha1.ReturnItem) (refusal string) {
	if len(asked) == 0 {
		for i := range b.items {
			b.now[i] += b.left(i)
		}
		return ""
	}
	for n, item := range asked {
		var why string
		if item.Line != nil {
			why = b.askLine(item)
		} else {
			why = b.askProduct(item)
		}
		if why != "" {
			return fmt.Sprintf("items[%d]: %s", n, why)
		}
	}
	return ""
}

func (b *returnBook) askLine(item v1alpha1.ReturnItem) (refusal string) {
	i := int(*item.Line) - 1
	switch {
	case i < 0 || i >= len(b.items):
		return fmt.Sprintf("there is no line %d, the order has %d", *item.Line, len(b.items))
	case b.items[i].ProductID != item.ProductID:
		return fmt.Sprintf("line %d is of %s, not of %s", *item.Line, b.items[i].ProductID, item.ProductID)
	case item.Quantity > b.left(i):
		return fmt.Sprintf("%d of %s in line %d are left to return, not %d", b.left(i), item.ProductID, *item.Line, item.Quantity)
	}
	b.now[i] += item.Quantity
	return ""
}

func (b *returnBook) askProduct(item v1alpha1.ReturnItem) (refusal string) {
	lines := b.linesOf(item.ProductID)
	left := int64(0)
	for _, i := range lines {
		left += b.left(i)
	}
	switch {
	case len(lines) == 0:
		return fmt.Sprintf("%s is in no line of the order", item.ProductID)
	case !b.samePrice(lines):
		return fmt.Sprintf("%s is in lines %s at different prices; say which with items[].line", item.ProductID, numbers(lines))
	case item.Quantity > left:
		return fmt.Sprintf("%d of %s are left to return, not %d", left, item.ProductID, item.Quantity)
	}
	b.take(item)
	return ""
}

// accepted brings back what was accepted before: of a line, or of a product's lines in
// their order, as versions had it that knew no lines.
func (b *returnBook) accepted(items []v1alpha1.ReturnItem) {
	for _, item := range items {
		b.take(item)
	}
}

// take brings back as many of the units as are left.
func (b *returnBook) take(item v1alpha1.ReturnItem) {
	want := item.Quantity
	for _, i := range b.linesOf(item.ProductID) {
		if item.Line == nil || int(*item.Line) == i+1 {
			n := min(want, b.left(i))
			b.now[i] += n
			want -= n
		}
	}
}

func (b *returnBook) linesOf(productID string) []int {
	var lines []int
	for i := range b.items {
		if b.items[i].ProductID == productID {
			lines = append(lines, i)
		}
	}
	return lines
}

// samePrice is whether lines have one price, however it is written.
func (b *returnBook) samePrice(lines []int) bool {
	plain := func(price string) string {
		if strings.Contains(price, ".") {
			return strings.TrimRight(strings.TrimRight(price, "0"), ".")
		}
		return price
	}
	for _, i := range lines {
		if plain(b.items[i].UnitPrice) != plain(b.items[lines[0]].UnitPrice) {
			return false
		}
	}
	return true
}

// numbers lists lines as people count them, at most eight.
func numbers(lines []int) string {
	const shown = 8
	var parts []string
	for n, i := range lines {
		if n == shown {
			parts = append(parts, "...")
			break
		}
		parts = append(parts, strconv.Itoa(i+1))
	}
	return strings.Join(parts, ", ")
}

// returning are the units that come back now, by line.
func (b *returnBook) returning() []v1alpha1.ReturnItem {
	var items []v1alpha1.ReturnItem
	for i, n := range b.now {
		if n > 0 {
			line := int32(i) + 1
			items = append(items, v1alpha1.ReturnItem{Line: &line, ProductID: b.items[i].ProductID, Quantity: n})
		}
	}
	return items
}

// units are the units that come back now, as the history has them.
func (b *returnBook) units() []v1alpha1.LineUnits {
	var units []v1alpha1.LineUnits
	for i, n := range b.now {
		if n > 0 {
			units = append(units, v1alpha1.LineUnits{Line: int32(i) + 1, Quantity: n})
		}
	}
	return units
}

// refund is what is paid back for the units that come back now.
func (b *returnBook) refund(currency v1alpha1.Currency) (money.Amount, error) {
	var parts []money.Part
	for i, n := range b.now {
		if n > 0 {
			parts = append(parts, money.Part{Line: i, Before: b.before[i], Quantity: n})
		}
	}
	return money.Refund(string(currency), priced(b.items), parts)
}

// returned is what came back of each line once this return is through; restock is
// whether its units go on the shelf. earlier is what came back before.
func (b *returnBook) returned(earlier []v1alpha1.OrderReturnedItem, restock bool) []v1alpha1.OrderReturnedItem {
	onShelf := make(map[int32]int64, len(earlier))
	for _, r := range earlier {
		onShelf[r.Line] = r.Restock
	}
	var all []v1alpha1.OrderReturnedItem
	for i := range b.items {
		line := int32(i) + 1
		if b.before[i]+b.now[i] == 0 {
			continue
		}
		r := v1alpha1.OrderReturnedItem{
			Line: line, ProductID: b.items[i].ProductID, Quantity: b.before[i] + b.now[i], Restock: onShelf[line],
		}
		if restock {
			r.Restock += b.now[i]
		}
		all = append(all, r)
	}
	return all
}

// toShelf is what of returned items goes back on the shelf, by product.
func toShelf(returned []v1alpha1.OrderReturnedItem) []v1alpha1.StockLine {
	var items []v1alpha1.OrderItem
	for _, r := range returned {
		if r.Restock > 0 {
			items = append(items, v1alpha1.OrderItem{ProductID: r.ProductID, Quantity: r.Restock})
		}
	}
	return StockLines(items)
}
