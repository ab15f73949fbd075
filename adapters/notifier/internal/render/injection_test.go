package render_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/adapters/notifier/internal/render"
)

// payloads that somebody may write where a text of theirs gets into a message.
func payloads() []string {
	return []string{
		// Headers.
		"x\r\nBcc: eve@evil.example", "x\nSubject: other", "x\rTo: eve@evil.example", "x\r\n\r\n<h1>body</h1>", "x\u2028Bcc: eve@evil.example", "x\u2029y",
		"x\u0085Bcc: eve@evil.example", "x\x00y", "x\v\fy", "x\r\n.\r\nMAIL FROM:<eve@evil.example>", "=?utf-8?q?=0D=0ABcc:_eve@evil.example?=",
		// Templates.
		"{{.}}", "{{printf \"%s\" .}}", "{{template \"closing\" .}}", "{{define \"greeting\"}}x{{end}}", "{{call .Foo}}", "{{/* x */}}", "${7*7}", "<%= 7*7 %>", "{% include 'x' %}", "#{7*7}",
		// Markup.
		"<script>alert(1)</script>", "</title><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><svg/onload=alert(1)>", "<a href=https://evil.example>click</a>",
		"<!--", "-->", "]]>", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;b&#62;", "<style>*{display:none}</style>", "</td></tr></table><h1>x</h1>",
		"<base href=//evil.example>", "<meta http-equiv=refresh content=0;url=//evil.example>", "javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "<iframe srcdoc='<b>'>",
		// What mail programs make links of, and what turns the text around.
		"Win at https://evil.example/now", "call www.evil.example", "eve@evil.example", "\u202egnp.exe", "\u2066x\u2067y", "\u200f\u061cx", "a\u200bb\ufeffc", strings.Repeat("A", 5000),
		strings.Repeat("<b>", 3000), "\xff\xfe<b>", "%0d%0aBcc:eve@evil.example",
	}
}

// places are the texts of an order that somebody else than the shop writes, and those of the shop.
func places() map[string]func(f *render.Facts, payload string) {
	return map[string]func(f *render.Facts, payload string){
		"name":    func(f *render.Facts, p string) { f.Name = p },
		"address": func(f *render.Facts, p string) { f.Address = []string{p, p} },
		"product": func(f *render.Facts, p string) {
			f.Items[0].ProductID, f.Returned[0].ProductID, f.Short[0].ProductID = p, p, p
		},
		"price":    func(f *render.Facts, p string) { f.Items[0].UnitPrice = p },
		"total":    func(f *render.Facts, p string) { f.Total, f.Refund = p, p },
		"currency": func(f *render.Facts, p string) { f.Currency = p },
		"reason":   func(f *render.Facts, p string) { f.Reason = p },
		"carrier":  func(f *render.Facts, p string) { f.Carrier = p },
		"tracking": func(f *render.Facts, p string) { f.Tracking = p },
		"order":    func(f *render.Facts, p string) { f.OrderID = p },
	}
}

// shape of a page: its elements and their attributes, in order, with the texts taken out, and each row once.
func shape(markup string) string {
	tags := regexp.MustCompile(`(?s)<[^>]*>`).FindAllString(markup, -1)
	return strings.Join(tags, "")
}

// look renders all three kinds of one text.
func look(t *testing.T, r *render.Renderer, template, language string, f render.Facts) (subject, short, text, markup string) {
	t.Helper()
	subject, text, markup, err := r.Render("EMAIL", template, language, f)
	if err != nil {
		t.Fatal(err)
	}
	_, short, _, err = r.Render("SMS", template, language, f)
	if err != nil {
		t.Fatal(err)
	}
	return subject, short, text, markup
}

// A page with a harmless text in a place has the elements that it has with a payload in it, and as many lines.
func TestNoPayloadGetsThrough(t *testing.T) {
	r := renderer(t)
	if n := len(payloads()); n < 40 {
		t.Fatalf("only %d payloads", n)
	}
	link := regexp.MustCompile(`(?i)(https?://|www\.[a-z]|[a-z]@[a-z]|evil\.example)`)
	for where, put := range places() {
		for _, template := range render.Templates() {
			for _, language := range []string{"en", "ar"} {
				if language == "ar" && template != "order.cancelled" {
					continue // the templates differ in their words
				}
				harmless := facts("EUR")
				put(&harmless, "x")
				_, _, plain, page := look(t, r, template, language, harmless)
				for _, payload := range payloads() {
					f := facts("EUR")
					put(&f, payload)
					subject, short, text, markup := look(t, r, template, language, f)
					at := func(what string) {
						t.Errorf("%s: %q as %s of %s in %s:\n%q\n%s", what, payload, where, template, language, subject, text)
					}
					if strings.ContainsAny(subject+short, "\r\n\x00\v\f\u2028\u2029\u0085") {
						at("a header or text message of several lines")
					}
					if strings.ContainsAny(text+markup, "\r\x00\u2028\u2029\u0085\u202e\u2066\u2067\u061c\ufeff") {
						at("a sign that is not to be seen")
					}
					if strings.Count(text, "\n") != strings.Count(plain, "\n") {
						at("other lines")
					}
					if shape(withoutSubject(markup)) != shape(withoutSubject(page)) {
						at("other elements")
					}
					if byCustomer(where) && link.MatchString(subject+short+text+html.UnescapeString(markup)) {
						at("a link")
					}
					if len(markup) > 40_000 {
						at("a page without a bound")
					}
				}
			}
		}
	}
}

// withoutSubject takes the title's text out: escaped text needs no more.
func withoutSubject(markup string) string {
	_, body, _ := strings.Cut(markup, "<body")
	return "<body" + body
}

// byCustomer says that the shop has no hand in a text.
func byCustomer(where string) bool {
	return where == "name" || where == "address" || where == "product" || where == "reason"
}
