package money

import (
	"fmt"

	"github.com/orderplane/orderplane/internal/domain/number"
)

// PriceOf returns the price that the literal of a JSON number says, as Orderplane stores it: a
// plain decimal without an exponent, with at least as many decimals as the currency has. It is an
// error when it is below zero, or has more than ExtraDecimals decimals beyond those of the currency.
// currency is empty when the request names none; the API server then decides on both.
func PriceOf(literal, currency string) (string, error) {
	whole, fraction, err := number.Decimal(literal)
	if err != nil {
		return "", err
	}
	digits, known := Digits(currency)
	if !known && fraction != "" {
		digits = 2
	}
	if most := digits + ExtraDecimals; known && len(fraction) > most {
		return "", fmt.Errorf("%s has %d decimals, but a price in %s has at most %d", literal, len(fraction), currency, most)
	}
	for len(fraction) < digits {
		fraction += "0"
	}
	if fraction == "" {
		return whole, nil
	}
	return whole + "." + fraction, nil
}
