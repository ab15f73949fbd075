package render

import (
	"strings"
	"time"

	"github.com/orderplane/orderplane/internal/domain/money"
)

// said are the facts as a text says them: cleaned, and written in its language.
type said struct {
	OrderID, Name, Reason string
	// Code is why an order was cancelled, one of the four; else empty.
	Code              string
	Carrier, Tracking string
	Refund, Total     string
	At, Ordered       string
	Short             []row
	WasConfirmed      bool
}

// row is some of a product. Amount is empty where it is not said.
type row struct{ Name, Quantity, Amount string }

// page is what a layout puts together.
type page struct {
	Language, Direction, Subject string
	Greeting, Closing            string
	Paragraphs                   []string
	List                         *list
	Address                      *address
}

type list struct {
	Title         string
	Rows          []row
	SumTitle, Sum string
}

type address struct {
	Title string
	Lines []string
}

// writer writes facts in a language.
type writer struct {
	*texts
	locale
	currency string
}

func say(t *texts, l locale, f Facts) (*said, error) {
	w := writer{t, l, f.Currency}
	s := &said{
		OrderID: w.shop(f.OrderID), Name: w.person(f.Name), Reason: w.person(f.Reason), Code: codeOf(f.Reason),
		Carrier: w.shop(f.Carrier), Tracking: w.shop(f.Tracking), WasConfirmed: f.WasConfirmed,
	}
	var err error
	if s.Refund, err = w.money(f.Refund); err != nil {
		return nil, err
	}
	if s.Total, err = w.money(f.Total); err != nil {
		return nil, err
	}
	if s.At, err = w.moment(f.At); err != nil {
		return nil, err
	}
	if s.Ordered, err = w.moment(f.Ordered); err != nil {
		return nil, err
	}
	s.Short, err = w.rows(f.Short, false)
	return s, err
}

// codeOf is a reason of the contract.
func codeOf(reason string) string {
	switch reason {
	case "CUSTOMER_REQUEST", "PAYMENT_FAILED", "INSUFFICIENT_STOCK", "SLA_TIMEOUT":
		return reason
	default:
		return ""
	}
}

// person is what whoever ordered may have written.
func (w writer) person(text string) string { return isolated(noLinks(clean(text)), w.direction) }

// shop is what the shop wrote, of which people take copies.
func (w writer) shop(text string) string { return isolated(clean(text), w.direction) }

// money writes a decimal of the order's currency; nothing where there is none, or it is no amount.
func (w writer) money(decimal string) (string, error) {
	if decimal == "" || w.currency == "" {
		return "", nil
	}
	a, err := money.Parse(decimal, w.currency)
	if err != nil {
		return "", nil //nolint:nilerr // an amount that can't be read is not said
	}
	return w.written(a)
}

func (w writer) written(a money.Amount) (string, error) {
	text, err := w.run("amount", w.amount(a, w.currency))
	return isolated(text, w.direction), err
}

func (w writer) moment(at time.Time) (string, error) {
	if at.IsZero() {
		return "", nil
	}
	text, err := w.run("date", w.date(at, w.months))
	return isolated(text, w.direction), err
}

// rows of products, priced ones with what they cost together.
func (w writer) rows(items []Item, priced bool) ([]row, error) {
	rows := make([]row, 0, len(items))
	for _, item := range items {
		r := row{Name: w.person(item.ProductID), Quantity: w.whole(item.Quantity)}
		price, err := money.ParsePrice(item.UnitPrice, w.currency)
		if priced && err == nil {
			if r.Amount, err = w.written(price.Times(item.Quantity)); err != nil {
				return nil, err
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// page makes what the layouts of a mail are given.
func (t *texts) page(name string, s *said, f Facts, l locale) (*page, error) {
	w := writer{t, l, f.Currency}
	p := &page{Language: l.tag.String(), Direction: t.direction}
	body, err := t.run(name+".body", s)
	if err != nil {
		return nil, err
	}
	for paragraph := range strings.SplitSeq(body, "\n\n") {
		if paragraph = oneLine(paragraph); paragraph != "" {
			p.Paragraphs = append(p.Paragraphs, paragraph)
		}
	}
	if p.Greeting, err = t.run("greeting", s); err != nil {
		return nil, err
	}
	if p.Closing, err = t.run("closing", s); err != nil {
		return nil, err
	}
	if p.List, err = w.list(name, s, f); err != nil {
		return nil, err
	}
	p.Address, err = w.address(name, s, f)
	return p, err
}

// list is of the order's lines, or of what comes back.
func (w writer) list(name string, s *said, f Facts) (*list, error) {
	title, sumTitle, sum, items := "label.items", "label.total", s.Total, f.Items
	switch name {
	case "order.return.requested", "order.returned":
		title, sumTitle, sum, items = "label.returned", "label.refund", s.Refund, f.Returned
	case "order.return.rejected":
		return nil, nil //nolint:nilnil // that text needs none
	default:
	}
	if len(items) == 0 {
		return nil, nil //nolint:nilnil // there is nothing to list
	}
	rows, err := w.rows(items, true)
	if err != nil {
		return nil, err
	}
	l := &list{Rows: rows, Sum: sum}
	if l.Title, err = w.run(title, s); err != nil {
		return nil, err
	}
	l.SumTitle, err = w.run(sumTitle, s)
	return l, err
}

// address is where the parcel goes, while it may still go there.
func (w writer) address(name string, s *said, f Facts) (*address, error) {
	switch name {
	case "order.created", "order.confirmed", "order.fulfilled":
	default:
		return nil, nil //nolint:nilnil // that text needs none
	}
	if len(f.Address) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	a := &address{}
	for _, line := range append([]string{f.Name}, f.Address...) {
		if line = w.person(line); line != "" {
			a.Lines = append(a.Lines, line)
		}
	}
	var err error
	a.Title, err = w.run("label.address", s)
	return a, err
}

// exampleFacts has something of everything.
func exampleFacts() Facts {
	items := []Item{{ProductID: "prod-001", Quantity: 2, UnitPrice: "12.50"}, {ProductID: "prod-002", Quantity: 1, UnitPrice: "7.90"}}
	return Facts{
		OrderID: "example", Name: "Ines Löwe", Address: []string{"1 Harbour Road", "20457 Hamburg", "DE"},
		Items: items, Total: "32.90", Currency: "EUR", Reason: "INSUFFICIENT_STOCK", WasConfirmed: true,
		Short: items[:1], Carrier: "DHL", Tracking: "00340434161094042557", Returned: items[:1], Refund: "25.00",
		At: time.Unix(1795183500, 0), Ordered: time.Unix(1795183400, 0),
	}
}
