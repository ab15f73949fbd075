// Package number reads numbers from their digits, as JSON writes them (RFC 8259, 6), and never
// through floating point.
package number

import (
	"fmt"
	"strconv"
	"strings"
)

// maxExponent bounds the exponent of a literal. It is far above what any price or quantity needs,
// and keeps 1e999999999 from being written out.
const maxExponent = 30

// Whole returns a whole number exactly, or an error that says why it is none or too large. 2.0 and
// 2e2 are whole numbers.
func Whole(literal string) (int64, error) {
	sign := int64(1)
	positive, negative := strings.CutPrefix(literal, "-")
	if negative {
		sign = -1
	}
	whole, fraction, err := Decimal(positive)
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

// Decimal splits the literal of a JSON number that is not below zero into its digits before and
// after the point, without leading or trailing zeros that mean nothing: 19.90 is "19" and "9",
// and 2 is "2" and "". It does not check that the literal is one.
func Decimal(literal string) (whole, fraction string, err error) {
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(literal), "e")
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
