package money_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/orderplane/orderplane/internal/domain/money"
)

func TestEachLineRoundsHalfUpOnce(t *testing.T) {
	for _, c := range []struct {
		currency, want string
		lines          []money.Line
	}{
		{"USD", "0.01", []money.Line{{Quantity: 1, UnitPrice: "0.005"}}},
		{"USD", "0.00", []money.Line{{Quantity: 1, UnitPrice: "0.004999"}}},
		{"USD", "1.23", []money.Line{{Quantity: 1000, UnitPrice: "0.001234"}}},
		{"USD", "0.02", []money.Line{{Quantity: 1, UnitPrice: "0.005"}, {Quantity: 1, UnitPrice: "0.005"}}},
		{"JPY", "2", []money.Line{{Quantity: 3, UnitPrice: "0.5"}}},
		{"JPY", "3", []money.Line{{Quantity: 1, UnitPrice: "0.5"}, {Quantity: 1, UnitPrice: "0.5"}, {Quantity: 1, UnitPrice: "0.5"}}},
		{"KWD", "0.001", []money.Line{{Quantity: 1, UnitPrice: "0.0005"}}},
		{"CLF", "0.0001", []money.Line{{Quantity: 1, UnitPrice: "0.00005"}}},
	} {
		got, err := money.Total(c.currency, c.lines)
		if err != nil || got.String() != c.want {
			t.Errorf("%s of %v: %s, %v; want %s", c.currency, c.lines, got, err, c.want)
		}
	}
	for _, c := range []struct{ currency, price string }{
		{"USD", "1.0000001"}, {"JPY", "1.00001"}, {"KWD", "1.00000001"}, {"CLF", "1.000000001"}, {"USD", "-1"}, {"USD", "1e3"},
	} {
		if got, err := money.Total(c.currency, []money.Line{{Quantity: 1, UnitPrice: c.price}}); err == nil {
			t.Errorf("a price of %s %s makes %s, want an error", c.price, c.currency, got)
		}
	}
}

// The total is the sum over the lines of what fractions say of each, rounded half up.
func TestTotalIsWhatFractionsSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"JPY", "USD", "KWD", "CLF"}).Draw(t, "currency")
		lines := rapid.SliceOfN(pricedLine(currency), 1, 8).Draw(t, "lines")
		got, err := money.Total(currency, lines)
		if err != nil {
			t.Fatal(err)
		}
		want := new(big.Rat)
		for _, l := range lines {
			want.Add(want, halfUp(t, l.UnitPrice, l.Quantity, currency))
		}
		if exact, ok := new(big.Rat).SetString(got.String()); !ok || exact.Cmp(want) != 0 {
			t.Fatalf("%s of %v: %s, want %s", currency, lines, got, want.FloatString(4))
		}
	})
}

// Whatever the parts in which a line comes back, their refunds add
// up to exactly what the line cost, and none is below zero.
func TestRefundsOfAllPartsAreTheTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"JPY", "USD", "KWD", "CLF"}).Draw(t, "currency")
		lines := rapid.SliceOfN(pricedLine(currency), 1, 4).Draw(t, "lines")
		refunded, err := money.Zero(currency)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range lines {
			for back, parts := int64(0), 0; back < line.Quantity; parts++ {
				units := line.Quantity - back
				if parts < 10 {
					units = rapid.Int64Range(1, units).Draw(t, "units")
				}
				refund, err := money.Refund(currency, lines, []money.Part{{Line: i, Before: back, Quantity: units}})
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(refund.String(), "-") {
					t.Fatalf("%d after %d of %+v are refunded with %s", units, back, line, refund)
				}
				back += units
				if refunded, err = refunded.Plus(refund); err != nil {
					t.Fatal(err)
				}
			}
		}
		if total, err := money.Total(currency, lines); err != nil || total.String() != refunded.String() {
			t.Fatalf("%v: %s was refunded of %s (%v)", lines, refunded, total, err)
		}
	})
}

// halfUp is quantity times price, rounded to the currency's decimals.
func halfUp(t *rapid.T, price string, quantity int64, currency string) *big.Rat {
	x, ok := new(big.Rat).SetString(price)
	digits, known := money.Digits(currency)
	if !ok || !known {
		t.Fatalf("%s %s", price, currency)
	}
	unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
	x.Mul(x, new(big.Rat).SetInt64(quantity)).Mul(x, unit).Add(x, big.NewRat(1, 2))
	floor := new(big.Int).Div(x.Num(), x.Denom())
	return new(big.Rat).Quo(new(big.Rat).SetInt(floor), unit)
}

// pricedLine makes lines whose prices have up to four decimals more than the currency.
func pricedLine(currency string) *rapid.Generator[money.Line] {
	return rapid.Custom(func(t *rapid.T) money.Line {
		digits, _ := money.Digits(currency)
		price := rapid.StringMatching(`0|[1-9][0-9]{0,11}`).Draw(t, "whole")
		if fraction := rapid.StringMatching(`[0-9]{0,8}`).Draw(t, "fraction"); fraction != "" {
			price += "." + fraction[:min(len(fraction), digits+4)]
		}
		return money.Line{ProductID: "p", Quantity: rapid.Int64Range(1, 1_000_000).Draw(t, "quantity"), UnitPrice: price}
	})
}
