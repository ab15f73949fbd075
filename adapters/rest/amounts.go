package rest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/internal/domain/money"
)

// maxExponent bounds the exponent of a number in a request. It is far above what
// any price or quantity needs, and keeps 1e999999999 from being written out.
const maxExponent = 30

// price returns a price as the API writes it: a plain decimal without an
// exponent, with at least as many decimals as the currency has. currency is
// empty when the request names none; the API server then decides on both.
func price(literal wire.Number, currency string) (string, error) {
	whole, fraction, err := decimal(literal)
	if err != nil {
		return "", err
	}
	digits, known := money.Digits(currency)
	if !known && fraction != "" {
		digits = 2
	}
	if most := digits + money.ExtraDecimals; known && len(fraction) > most {
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

// units returns a number of units exactly, or an error that says why it is none.
func units(literal wire.Number) (int64, error) {
	sign := int64(1)
	positive, negative := strings.CutPrefix(string(literal), "-")
	if negative {
		sign = -1
	}
	whole, fraction, err := decimal(wire.Number(positive))
	if err != nil {
		return 0, err
	}
	if fraction != "" {
		return 0, fmt.Errorf("%s is not a whole number", literal)
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is too large", literal)
	}
	return sign * n, nil
}

// decimal splits the literal of a JSON number that is not below zero into its
// digits before and after the point, without leading or trailing zeros that
// mean nothing.
func decimal(literal wire.Number) (whole, fraction string, err error) {
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(string(literal)), "e")
	shift := 0
	if hasExponent {
		shift, err = strconv.Atoi(exponent)
		if err != nil || shift > maxExponent || shift < -maxExponent {
			return "", "", fmt.Errorf("%s has an exponent out of range; write the number out", literal)
		}
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ = strings.Cut(mantissa, ".")
	switch {
	case shift > 0:
		fraction += strings.Repeat("0", max(0, shift-len(fraction)))
		whole, fraction = whole+fraction[:shift], fraction[shift:]
	case shift < 0:
		whole = strings.Repeat("0", max(0, -shift-len(whole))) + whole
		cut := len(whole) + shift
		whole, fraction = whole[:cut], whole[cut:]+fraction
	}
	whole = strings.TrimLeft(whole, "0")
	fraction = strings.TrimRight(fraction, "0")
	if negative && whole+fraction != "" {
		return "", "", fmt.Errorf("%s is below zero", literal)
	}
	if whole == "" {
		whole = "0"
	}
	return whole, fraction, nil
}
