// Package money computes with amounts of money exactly.
//
// An amount is a whole number of the currency's minor units (cents, fils, or
// the yen itself) in a big integer. There is no floating point, and no bound that
// an order could pass: the schema allows 250 lines of a million units at a price of
// twenty digits, which is more than fits 64 bits or a 19-digit decimal.
//
// A price may have four decimals more than its currency. Rounding is half up and
// happens in one place: where a quantity is multiplied by a price (Price.Times). A
// line is rounded once, and the total is the sum of rounded lines. The refund of some
// units of a line is a difference of two such products, so the refunds of all parts
// of a line add up to exactly what the line cost.
package money
