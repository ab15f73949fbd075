package money

import "fmt"

// Line is a quantity of a product at a price, as a line of an order states it.
type Line struct {
	ProductID string
	Quantity  int64
	UnitPrice string
}

// Part is a number of units of a line that come back.
type Part struct {
	// Line is the index of the line.
	Line int
	// Before is how many units of the line came back earlier.
	Before int64
	// Quantity is how many units come back now.
	Quantity int64
}

// Total returns the sum over the lines of quantity times unit price, each rounded half up.
func Total(currency string, lines []Line) (Amount, error) {
	sum, err := Zero(currency)
	if err != nil {
		return Amount{}, err
	}
	for i, line := range lines {
		price, err := ParsePrice(line.UnitPrice, currency)
		if err != nil {
			return Amount{}, fmt.Errorf("items[%d].unitPrice: %w", i, err)
		}
		if sum, err = sum.Plus(price.Times(line.Quantity)); err != nil {
			return Amount{}, err
		}
	}
	return sum, nil
}

// Refund returns what is paid back for the parts: what all the units of a line that are
// back then cost, less what was paid back for it before. Whatever the parts, together
// they are refunded at exactly what the line cost. A part that asks for more than its
// line has is an error that names the line.
func Refund(currency string, lines []Line, parts []Part) (Amount, error) {
	sum, err := Zero(currency)
	if err != nil {
		return Amount{}, err
	}
	for _, part := range parts {
		if part.Line < 0 || part.Line >= len(lines) {
			return Amount{}, fmt.Errorf("line %d: the order has %d lines", part.Line+1, len(lines))
		}
		line := lines[part.Line]
		after := part.Before + part.Quantity
		if part.Before < 0 || part.Quantity < 0 || after > line.Quantity {
			return Amount{}, fmt.Errorf("line %d: %d units, but %d of %d came back before", part.Line+1, part.Quantity, part.Before, line.Quantity)
		}
		price, err := ParsePrice(line.UnitPrice, currency)
		if err != nil {
			return Amount{}, fmt.Errorf("items[%d].unitPrice: %w", part.Line, err)
		}
		worth, err := price.Times(after).Minus(price.Times(part.Before))
		if err != nil {
			return Amount{}, err
		}
		if sum, err = sum.Plus(worth); err != nil {
			return Amount{}, err
		}
	}
	return sum, nil
}
