package money

import "fmt"

// Line is a quantity of a product at a price, as a line of an order states it.
type Line struct {
	ProductID string
	Quantity  int64
	UnitPrice string
}

// Part is a quantity of a product, of whatever lines it came from.
type Part struct {
	ProductID string
	Quantity  int64
}

// Total returns the sum of quantity times unit price over the lines.
func Total(currency string, lines []Line) (Amount, error) {
	sum, err := Zero(currency)
	if err != nil {
		return Amount{}, err
	}
	for i, line := range lines {
		price, err := Parse(line.UnitPrice, currency)
		if err != nil {
			return Amount{}, fmt.Errorf("items[%d].unitPrice: %w", i, err)
		}
		if sum, err = sum.Plus(price.Times(line.Quantity)); err != nil {
			return Amount{}, err
		}
	}
	return sum, nil
}

// Refund returns what was paid for the parts. A product that stands in several
// lines is taken from them in their order, so all of it together is refunded at
// exactly what was paid, and never more. A part that asks for more than the
// lines hold is an error that names it.
func Refund(currency string, lines []Line, parts []Part) (Amount, error) {
	left := make([]int64, len(lines))
	for i, line := range lines {
		left[i] = line.Quantity
	}
	var taken []Line
	for _, part := range parts {
		want := part.Quantity
		for i, line := range lines {
			if line.ProductID != part.ProductID || left[i] == 0 || want == 0 {
				continue
			}
			n := min(want, left[i])
			taken = append(taken, Line{ProductID: line.ProductID, Quantity: n, UnitPrice: line.UnitPrice})
			left[i] -= n
			want -= n
		}
		if want > 0 {
			return Amount{}, fmt.Errorf("product %s: %d more than was ordered", part.ProductID, want)
		}
	}
	return Total(currency, taken)
}
