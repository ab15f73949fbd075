package number_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/number"
)

func TestWholeNumbers(t *testing.T) {
	for literal, want := range map[string]int64{
		"1": 1, "0": 0, "-5": -5, "2.0": 2, "1e2": 100, "1000000": 1000000, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := number.Whole(literal); err != nil || got != want {
			t.Errorf("Whole(%s) = %d, %v", literal, got, err)
		}
	}
	for _, literal := range []string{"1.5", "9223372036854775808", "1e30", "1e31", "1.00000000000000000001", "-1e-1"} {
		if got, err := number.Whole(literal); err == nil {
			t.Errorf("Whole(%s) = %d", literal, got)
		}
	}
}

// FuzzDecimal holds the arithmetic on literals against itself: a number and the
// same number with its point moved by an exponent are the same.
func FuzzDecimal(f *testing.F) {
	f.Add("19.99", 2)
	f.Add("0.001", -3)
	f.Fuzz(func(t *testing.T, literal string, shift int) {
		if !json.Valid([]byte(literal)) || literal[0] < '0' || literal[0] > '9' || strings.ContainsAny(literal, "eE- \t\r\n") || shift > 10 || shift < -10 {
			t.Skip()
		}
		whole, fraction, err := number.Decimal(literal)
		if err != nil {
			t.Fatal(err)
		}
		there, fractionThere, err := number.Decimal(fmt.Sprintf("%se%d", literal, shift))
		if err != nil {
			t.Fatal(err)
		}
		back, fractionBack, err := number.Decimal(fmt.Sprintf("%s.%se%d", there, fractionThere+"0", -shift))
		if err != nil || back != whole || fractionBack != fraction {
			t.Errorf("%s is %s.%s, there and back by 10^%d it is %s.%s (%v)", literal, whole, fraction, shift, back, fractionBack, err)
		}
	})
}
