package money

import (
	"fmt"
	"math/big"
	"strings"
)

// Amount is an exact amount of money in one currency. The zero Amount is
// nothing of no currency; make one with Zero or Parse. Amounts are values: no
// method changes its receiver.
type Amount struct {
	minor    *big.Int
	currency string
	digits   int
}

// Zero returns nothing of a currency.
func Zero(currency string) (Amount, error) {
	digits, known := Digits(currency)
	if !known {
		return Amount{}, fmt.Errorf("currency %q is not an ISO 4217 code of a currency in circulation", currency)
	}
	return Amount{currency: currency, digits: digits}, nil
}

// Parse reads a decimal such as "19.99" as an amount of a currency. It is an
// error when it is negative, has an exponent, or has more decimals than the
// currency.
func Parse(decimal, currency string) (Amount, error) {
	a, err := Zero(currency)
	if err != nil {
		return Amount{}, err
	}
	minor, decimals, err := scaled(decimal, a.digits)
	if err != nil {
		return Amount{}, err
	}
	if decimals > a.digits {
		return Amount{}, fmt.Errorf("%q has %d decimals, but %s has %d", decimal, decimals, currency, a.digits)
	}
	a.minor = minor
	return a, nil
}

// scaled returns a decimal without its point, padded to so many decimals, and how many
// it was written with. With more than there is room for the number is nil.
func scaled(decimal string, room int) (n *big.Int, decimals int, err error) {
	whole, fraction, hasPoint := strings.Cut(decimal, ".")
	if !isDigits(whole) || hasPoint && !isDigits(fraction) {
		return nil, 0, fmt.Errorf("%q is not a decimal number such as 19.99", decimal)
	}
	if len(fraction) > room {
		return nil, len(fraction), nil
	}
	n, _ = new(big.Int).SetString(whole+fraction+strings.Repeat("0", room-len(fraction)), 10)
	return n, len(fraction), nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Plus returns the sum of two amounts of the same currency.
func (a Amount) Plus(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, fmt.Errorf("add %s to %s: different currencies", b.currency, a.currency)
	}
	a.minor = new(big.Int).Add(a.value(), b.value())
	return a, nil
}

// Minus returns the difference of two amounts of the same currency.
func (a Amount) Minus(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, fmt.Errorf("take %s from %s: different currencies", b.currency, a.currency)
	}
	a.minor = new(big.Int).Sub(a.value(), b.value())
	return a, nil
}

// Minor returns the amount in the currency's minor units, and whether that fits.
func (a Amount) Minor() (int64, bool) { return a.value().Int64(), a.value().IsInt64() }

// String writes the amount as a decimal with exactly the currency's decimals.
func (a Amount) String() string {
	digits := new(big.Int).Abs(a.value()).String()
	if pad := a.digits + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	sign := ""
	if a.value().Sign() < 0 {
		sign = "-"
	}
	point := len(digits) - a.digits
	if a.digits == 0 {
		return sign + digits
	}
	return sign + digits[:point] + "." + digits[point:]
}

func (a Amount) value() *big.Int {
	if a.minor == nil {
		return new(big.Int)
	}
	return a.minor
}
