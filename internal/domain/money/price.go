package money

import (
	"fmt"
	"math/big"
	"strings"
)

// ExtraDecimals is how many decimals more than its currency a price may have. A unit is
// often worth a fraction of a cent; what is paid for it is not.
const ExtraDecimals = 4

// Price is what one unit costs, exactly. Make one with ParsePrice.
type Price struct {
	// units of the smallest price there is in the currency.
	units *big.Int
	zero  Amount
}

// ParsePrice reads a decimal such as "0.0125" as a price in a currency. It is an error
// when it is negative, has an exponent, or has more than ExtraDecimals decimals beyond
// those of the currency.
func ParsePrice(decimal, currency string) (Price, error) {
	zero, err := Zero(currency)
	if err != nil {
		return Price{}, err
	}
	units, decimals, err := scaled(decimal, zero.digits+ExtraDecimals)
	if err != nil {
		return Price{}, err
	}
	if most := zero.digits + ExtraDecimals; decimals > most {
		return Price{}, fmt.Errorf("%q has %d decimals, but a price in %s has at most %d", decimal, decimals, currency, most)
	}
	return Price{units: units, zero: zero}, nil
}

// Times is what n units cost: rounded half up to the currency's decimals, once.
func (p Price) Times(n int64) Amount {
	const perMinor = 10_000 // ExtraDecimals zeros
	a := p.zero
	minor := new(big.Int).Mul(p.units, big.NewInt(n))
	minor.Add(minor, big.NewInt(perMinor/2))
	a.minor = minor.Quo(minor, big.NewInt(perMinor))
	return a
}

// Equal is whether two prices of a currency are the same, as 1.5 and 1.50 are.
func (p Price) Equal(q Price) bool { return p.units.Cmp(q.units) == 0 }

// String writes the price as a decimal with at least the currency's decimals, and more
// only where it has them.
func (p Price) String() string {
	exact := p.zero
	exact.minor, exact.digits = p.units, p.zero.digits+ExtraDecimals
	text := exact.String()
	least := len(text) - ExtraDecimals
	for len(text) > least && text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	return strings.TrimSuffix(text, ".")
}
