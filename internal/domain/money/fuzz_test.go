package money_test

import (
	"math/big"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/money"
)

// FuzzPrice holds prices against fractions of whole numbers: what is read is exact, what is written
// is read as the same, and what several units cost is rounded half up once.
func FuzzPrice(f *testing.F) {
	for _, decimal := range []string{"0", "19.99", "0.0125", "0.005", "00.10", "999999999999.9999", "1e3", "-1", ".5", "5.", ""} {
		for _, currency := range []string{"EUR", "JPY", "KWD", "XXX"} {
			f.Add(decimal, currency, int64(3))
		}
	}
	f.Fuzz(func(t *testing.T, decimal, currency string, units int64) {
		price, err := money.ParsePrice(decimal, currency)
		if err != nil || units < 0 {
			return
		}
		exact, ok := new(big.Rat).SetString(decimal)
		if !ok {
			t.Fatalf("%q is a price, but no number", decimal)
		}
		written := price.String()
		again, err := money.ParsePrice(written, currency)
		if err != nil || !again.Equal(price) {
			t.Errorf("%q is written %q, which is read as %v (%v)", decimal, written, again, err)
		}
		if same, ok := new(big.Rat).SetString(written); !ok || same.Cmp(exact) != 0 {
			t.Errorf("%q is written %q", decimal, written)
		}
		digits, _ := money.Digits(currency)
		scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
		minor := new(big.Rat).Mul(new(big.Rat).Mul(exact, new(big.Rat).SetInt64(units)), scale)
		minor.Add(minor, big.NewRat(1, 2))
		rounded := new(big.Rat).SetInt(new(big.Int).Div(minor.Num(), minor.Denom()))
		cost := price.Times(units).String()
		if got, ok := new(big.Rat).SetString(cost); !ok || got.Cmp(rounded.Quo(rounded, scale)) != 0 {
			t.Errorf("%d times %q %s cost %s, want %s", units, decimal, currency, cost, rounded.FloatString(digits))
		}
	})
}
