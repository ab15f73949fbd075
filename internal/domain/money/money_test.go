package money_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/money"
)

const crd = "../../../config/crd/bases/orderplane.dev_orders.yaml"

// The schema and this package each know the currencies; they must know the same.
func TestDigitsAgreeWithTheSchema(t *testing.T) {
	raw, err := os.ReadFile(crd)
	if err != nil {
		t.Fatal(err)
	}
	enum := regexp.MustCompile(`currency:\s+description: \|-?(?s:.*?)enum:\n((?:\s+- [A-Z]{3}\n)+)`).FindSubmatch(raw)
	if enum == nil {
		t.Fatalf("no enum of currencies in %s", crd)
	}
	codes := regexp.MustCompile(`[A-Z]{3}`).FindAllString(string(enum[1]), -1)
	want := map[string]int{}
	for _, code := range codes {
		want[code] = 2
	}
	rule := strings.Join(strings.Fields(string(raw)), " ")
	rule = rule[strings.Index(rule, "unitPrice.indexOf"):]
	if extra := fmt.Sprintf(" : 2) + %d)", money.ExtraDecimals); !strings.Contains(rule, extra) {
		t.Errorf("the rule about unitPrice has no %q: it allows another number of decimals than this package", extra)
	}
	for _, list := range regexp.MustCompile(`\bc in \[([^\]]*)\] \? (\d)`).FindAllStringSubmatch(rule, -1) {
		for _, code := range regexp.MustCompile(`[A-Z]{3}`).FindAllString(list[1], -1) {
			want[code] = int(list[2][0] - '0')
		}
	}
	if len(codes) < 150 || want["JPY"] != 0 || want["KWD"] != 3 || want["UYW"] != 4 {
		t.Fatalf("read %d currencies from %s, JPY %d, KWD %d, UYW %d: the test no longer understands the rule",
			len(codes), crd, want["JPY"], want["KWD"], want["UYW"])
	}
	for code, digits := range want {
		if got, known := money.Digits(code); !known || got != digits {
			t.Errorf("Digits(%s) = %d, %t; the schema says %d", code, got, known, digits)
		}
	}
	for _, first := range "ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		for _, second := range "ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
			for _, third := range "ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
				code := string([]rune{first, second, third})
				_, listed := want[code]
				if _, known := money.Digits(code); known != listed {
					t.Errorf("Digits knows %s: %t; the schema lists it: %t", code, known, listed)
				}
			}
		}
	}
}

func TestParseAndString(t *testing.T) {
	for _, c := range []struct{ in, currency, want string }{
		{"0", "USD", "0.00"},
		{"19.9", "USD", "19.90"},
		{"19.99", "EUR", "19.99"},
		{"0.05", "EUR", "0.05"},
		{"1500", "JPY", "1500"},
		{"1.5", "KWD", "1.500"},
		{"1.2345", "UYW", "1.2345"},
		{"999999999999.9999", "CLF", "999999999999.9999"},
	} {
		a, err := money.Parse(c.in, c.currency)
		if err != nil {
			t.Errorf("Parse(%q, %s): %v", c.in, c.currency, err)
			continue
		}
		if a.String() != c.want {
			t.Errorf("Parse(%q, %s) = %s, want %s", c.in, c.currency, a, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ in, currency string }{
		{"", "USD"}, {"-1", "USD"}, {"+1", "USD"}, {"1e3", "USD"}, {"1.", "USD"}, {".5", "USD"},
		{"1.234", "USD"}, {"1.5", "JPY"}, {"abc", "USD"}, {"1,00", "USD"}, {"1", "XXX"}, {"1", "usd"},
		{"1", "US"}, {"1", "ED "}, {"١", "USD"},
	} {
		if a, err := money.Parse(c.in, c.currency); err == nil {
			t.Errorf("Parse(%q, %q) = %s, want an error", c.in, c.currency, a)
		}
	}
}

func TestTotalIsExactBeyond64Bits(t *testing.T) {
	lines := make([]money.Line, 250)
	for i := range lines {
		lines[i] = money.Line{ProductID: "p", Quantity: 1_000_000, UnitPrice: "999999999999.99999999"}
	}
	got, err := money.Total("CLF", lines)
	if err != nil {
		t.Fatal(err)
	}
	if want := "249999999999999999997.5000"; got.String() != want {
		t.Errorf("total %s, want %s", got, want)
	}
	if _, fits := got.Minor(); fits {
		t.Error("24 digits fit an int64")
	}
}

func TestTotalOfTenths(t *testing.T) {
	got, err := money.Total("USD", []money.Line{{Quantity: 3, UnitPrice: "0.1"}, {Quantity: 1, UnitPrice: "0.2"}})
	if err != nil || got.String() != "0.50" {
		t.Errorf("total %s, %v; want 0.50", got, err)
	}
}

func TestRefund(t *testing.T) {
	lines := []money.Line{
		{ProductID: "a", Quantity: 2, UnitPrice: "10.00"},
		{ProductID: "b", Quantity: 1, UnitPrice: "5.55"},
		{ProductID: "a", Quantity: 3, UnitPrice: "0.335"},
	}
	for _, c := range []struct {
		name  string
		parts []money.Part
		want  string
	}{
		{"nothing", nil, "0.00"},
		{"one of two", []money.Part{{Line: 0, Quantity: 1}}, "10.00"},
		{"everything is what was paid", []money.Part{{Line: 0, Quantity: 2}, {Line: 1, Quantity: 1}, {Line: 2, Quantity: 3}}, "26.56"},
		{"the first of three", []money.Part{{Line: 2, Quantity: 1}}, "0.34"},
		{"the second of three", []money.Part{{Line: 2, Before: 1, Quantity: 1}}, "0.33"},
		{"the third of three", []money.Part{{Line: 2, Before: 2, Quantity: 1}}, "0.34"},
		{"the last two of three", []money.Part{{Line: 2, Before: 1, Quantity: 2}}, "0.67"},
	} {
		got, err := money.Refund("USD", lines, c.parts)
		if err != nil || got.String() != c.want {
			t.Errorf("%s: %s, %v; want %s", c.name, got, err, c.want)
		}
	}
	for _, part := range []money.Part{{Line: 0, Quantity: 3}, {Line: 0, Before: 1, Quantity: 2}, {Line: 3, Quantity: 1}, {Line: -1, Quantity: 1}, {Line: 1, Quantity: -1}} {
		if got, err := money.Refund("USD", lines, []money.Part{part}); err == nil {
			t.Errorf("refund of %+v is %s, want an error", part, got)
		}
	}
}

func TestAmountsOfTwoCurrenciesHaveNoSum(t *testing.T) {
	euro, err := money.Parse("1.00", "EUR")
	if err != nil {
		t.Fatal(err)
	}
	yen, err := money.Parse("1", "JPY")
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := euro.Plus(yen); err == nil {
		t.Errorf("the sum is %s", sum)
	}
	if rest, err := euro.Minus(yen); err == nil {
		t.Errorf("the difference is %s", rest)
	}
}
