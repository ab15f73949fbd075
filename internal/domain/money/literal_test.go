package money_test

import (
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/money"
)

func TestAPriceOfALiteralIsExactAndInTheCurrencysDecimals(t *testing.T) {
	for _, tc := range []struct{ literal, currency, want, wantErr string }{
		{literal: "19.99", currency: "USD", want: "19.99"},
		{literal: "19.9", currency: "USD", want: "19.90"},
		{literal: "19.990", currency: "USD", want: "19.99"},
		{literal: "20", currency: "USD", want: "20.00"},
		{literal: "20.00", currency: "JPY", want: "20"},
		{literal: "1.125", currency: "KWD", want: "1.125"},
		{literal: "0", currency: "USD", want: "0.00"},
		{literal: "-0.0", currency: "USD", want: "0.00"},
		{literal: "1e3", currency: "USD", want: "1000.00"},
		{literal: "1.5E+2", currency: "JPY", want: "150"},
		{literal: "1999e-2", currency: "USD", want: "19.99"},
		{literal: "5e-1", currency: "USD", want: "0.50"},
		{literal: "999999999999.9999", currency: "CLF", want: "999999999999.9999"},
		// No currency: the class decides; what is there is kept.
		{literal: "1000.00", want: "1000"},
		{literal: "19.9", want: "19.90"},
		{literal: "1.125", want: "1.125"},
		{literal: "0.001234", currency: "USD", want: "0.001234"},
		{literal: "0.0012340", currency: "USD", want: "0.001234"},
		{literal: "1.5", currency: "JPY", want: "1.5"},
		{literal: "1.0000001", currency: "USD", wantErr: "1.0000001 has 7 decimals, but a price in USD has at most 6"},
		{literal: "1.00005", currency: "JPY", wantErr: "1.00005 has 5 decimals, but a price in JPY has at most 4"},
		{literal: "0.1000000000000000055511151231257827", currency: "USD", wantErr: "decimals"},
		{literal: "-1e-30", currency: "USD", wantErr: "below zero"},
		{literal: "1e999999999", currency: "USD", wantErr: "exponent"},
	} {
		t.Run(tc.literal+tc.currency, func(t *testing.T) {
			got, err := money.PriceOf(tc.literal, tc.currency)
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("price = %q, err = %v, want an error about %q", got, err, tc.wantErr)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("price = %q, err = %v, want %q", got, err, tc.want)
			}
		})
	}
}
