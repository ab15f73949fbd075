// Package money computes with amounts of money exactly.
//
// An amount is a whole number of the currency's minor units (cents, fils, or
// the yen itself) in a big integer. There is no floating point and no rounding
// anywhere, and no bound that an order could pass: the schema allows a hundred
// lines of a million units at a price of sixteen digits, which is more than
// fits 64 bits or a 19-digit decimal.
package money
