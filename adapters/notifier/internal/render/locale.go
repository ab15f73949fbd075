package render

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"github.com/orderplane/orderplane/internal/domain/money"
)

const rightToLeft = "rtl"

// locale writes numbers as CLDR has them for a language and region.
type locale struct {
	tag     language.Tag
	printer *message.Printer
}

func newLocale(tag language.Tag) locale { return locale{tag, message.NewPrinter(tag)} }

// whole writes a whole number with separators.
func (l locale) whole(n int64) string { return l.printer.Sprint(number.Decimal(n)) }

// plain writes the digits of a number below 100,000 as the language does, without separators, and at
// least so many of them.
func (l locale) plain(n, digits int) string {
	return l.printer.Sprint(number.Decimal(n, number.NoSeparator(), number.MinIntegerDigits(digits)))
}

// writtenMoney is what an amount is written with.
type writtenMoney struct {
	Number, Symbol string
	// Letters says that the symbol ends with a letter, so that it does not stand close to the number.
	Letters bool
}

// amount writes money exactly: no number passes through floating point.
func (l locale) amount(a money.Amount, code string) writtenMoney {
	decimal := a.String()
	whole, fraction, _ := strings.Cut(decimal, ".")
	written := decimal
	if n, err := strconv.ParseInt(whole, 10, 64); err == nil {
		written = l.whole(n)
		if fraction != "" {
			written += l.point() + l.digits(fraction)
		}
	}
	symbol := code
	if unit, err := currency.ParseISO(code); err == nil {
		// Of "€ 0" the sign stands before the space. Some signs end with a mark of direction.
		symbol, _, _ = strings.Cut(l.printer.Sprint(currency.Symbol(unit.Amount(0))), " ")
	}
	last := []rune(symbol)[len([]rune(symbol))-1]
	return writtenMoney{Number: written, Symbol: symbol, Letters: last >= 'A' && last <= 'z'}
}

// point is the decimal separator.
func (l locale) point() string {
	half := l.printer.Sprint(number.Decimal(0.5, number.Scale(1)))
	return strings.TrimSuffix(strings.TrimPrefix(half, l.plain(0, 1)), l.plain(5, 1))
}

func (l locale) digits(text string) string {
	var written strings.Builder
	for _, digit := range text {
		written.WriteString(l.plain(int(digit-'0'), 1))
	}
	return written.String()
}

// writtenDate is what a date is written with.
type writtenDate struct{ Day, Month, Year, Time string }

// date writes a moment, in UTC.
func (l locale) date(at time.Time, months []string) writtenDate {
	at = at.UTC()
	return writtenDate{
		Day: l.plain(at.Day(), 1), Month: months[at.Month()-1], Year: l.plain(at.Year(), 4),
		Time: l.plain(at.Hour(), 2) + ":" + l.plain(at.Minute(), 2),
	}
}
