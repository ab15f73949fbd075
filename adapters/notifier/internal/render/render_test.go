package render_test

import (
	"flag"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/adapters/notifier/internal/render"
)

var update = flag.Bool("update", false, "write the golden files")

// amounts are those of an order in each currency: whole, thousands, and with a price below the smallest coin.
var amounts = map[string]struct{ first, second, total, refund string }{
	"EUR": {"1249.50", "0.0125", "2499.01", "1249.50"},
	"JPY": {"123456", "0.5", "246913", "123456"},
	"KWD": {"1249.505", "0.0125", "2499.023", "1249.505"},
	"USD": {"9.99", "0.02", "20.00", "9.99"},
	"CHF": {"100.05", "0.05", "200.15", "100.05"},
}

// facts of an order of two lines.
func facts(currency string) render.Facts {
	a := amounts[currency]
	items := []render.Item{{ProductID: "kettle-1", Quantity: 2, UnitPrice: a.first}, {ProductID: "screw-m4", Quantity: 1, UnitPrice: a.second}}
	return render.Facts{
		OrderID: "o-4711", Name: "Inès Löwe", Address: []string{"1 Harbour Road", "20457 Hamburg", "DE"},
		Items: items, Total: a.total, Currency: currency, Reason: "INSUFFICIENT_STOCK",
		Short: []render.Item{{ProductID: "screw-m4", Quantity: 0}}, Carrier: "DHL", Tracking: "JJD0003",
		Returned: []render.Item{{ProductID: "kettle-1", Quantity: 1, UnitPrice: a.first}}, Refund: a.refund,
		At: time.Date(2026, 12, 1, 14, 5, 0, 0, time.UTC), Ordered: time.Date(2026, 11, 27, 8, 30, 0, 0, time.UTC),
	}
}

func renderer(t *testing.T) *render.Renderer {
	t.Helper()
	r, problems := render.New("")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}

func TestGolden(t *testing.T) {
	r := renderer(t)
	n := 0
	for _, language := range []string{"en", "de", "fr", "ar"} {
		for currency := range amounts {
			for _, template := range []string{"order.created", "order.cancelled", "order.returned"} {
				n++
				golden(t, fmt.Sprintf("%s-%s-%s", template, language, currency), r, template, language, facts(currency))
			}
		}
		for _, template := range render.Templates() {
			golden(t, fmt.Sprintf("%s-%s", template, language), r, template, language, facts("EUR"))
		}
	}
	if n != 60 {
		t.Errorf("%d goldens of languages by currencies", n)
	}
}

func golden(t *testing.T, name string, r *render.Renderer, template, language string, f render.Facts) {
	t.Helper()
	subject, text, markup, err := r.Render("EMAIL", template, language, f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	_, short, _, err := r.Render("SMS", template, language, f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	got := "Subject: " + subject + "\nShort: " + short + "\n\n" + text
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got\n%s", name, diff)
	}
	sameInHTML(t, name, text, markup)
}

// sameInHTML holds the plain part to the other: every word of it is there too, and the other way round.
func sameInHTML(t *testing.T, name, text, markup string) {
	t.Helper()
	_, body, _ := strings.Cut(markup, "<body")
	_, body, _ = strings.Cut(body, ">")
	shown := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " "))
	words := func(of string) string {
		// The plain part marks rows and amounts by signs of its own.
		of = regexp.MustCompile(`(?m)^- `).ReplaceAllString(of, "")
		return strings.Join(strings.Fields(strings.ReplaceAll(of, ":", " ")), " ")
	}
	if diff := cmp.Diff(words(text), words(shown)); diff != "" {
		t.Errorf("%s: the parts say different things: -text +html\n%s", name, diff)
	}
}

func TestLanguageFallsBack(t *testing.T) {
	r := renderer(t)
	for wanted, want := range map[string]string{
		"": "en", "de": "de", "de-AT": "de", "DE-ch": "de", "fr-CA": "fr", "ar-EG": "ar", "en-GB": "en", "ja": "en", "x": "en", "not a language": "en",
	} {
		if got := r.Language(wanted); got != want {
			t.Errorf("%q is told in %s, not %s", wanted, got, want)
		}
	}
}

func TestRegionsWriteNumbersTheirWay(t *testing.T) {
	r := renderer(t)
	for language, want := range map[string]string{
		"en": "€2,499.01", "de": "2.499,01\u00a0€", "de-CH": "2’499.01\u00a0EUR", "fr": "2\u00a0499,01\u00a0€", "ar": "٢٬٤٩٩٫٠١\u00a0€", "ar-EG": "2,499.01\u00a0€",
		"ja": "€2,499.01",
	} {
		_, text, _, err := r.Render("EMAIL", "order.created", language, facts("EUR"))
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%s has no %q: %v\n%s", language, want, err, text)
		}
	}
}

func TestAmountsAreExactBeyondFloats(t *testing.T) {
	f := facts("EUR")
	f.Total = "90071992547409931.07" // no float64 has it
	if _, text, _, err := renderer(t).Render("EMAIL", "order.created", "en", f); err != nil || !strings.Contains(text, "€90,071,992,547,409,931.07") {
		t.Errorf("%v\n%s", err, text)
	}
	f.Total = "99999999999999999999.99" // no int64 has it
	if _, text, _, err := renderer(t).Render("EMAIL", "order.created", "en", f); err != nil || !strings.Contains(text, "€99999999999999999999.99") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestNothingIsSaidOfWhatIsNotKnown(t *testing.T) {
	r := renderer(t)
	for _, template := range render.Templates() {
		for _, language := range []string{"en", "de", "fr", "ar"} {
			subject, text, markup, err := r.Render("EMAIL", template, language, render.Facts{OrderID: "o-1"})
			if err != nil || subject == "" || strings.Contains(text+markup, "<nil>") || strings.Contains(text+markup, "no value") {
				t.Errorf("%s in %s: %v\n%s", template, language, err, text)
			}
		}
	}
	if _, _, _, err := r.Render("EMAIL", "order.lost", "en", facts("EUR")); err == nil {
		t.Error("a template that there is none of is rendered")
	}
}

func TestFolderReplacesTexts(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "de.tmpl", `{{define "order.confirmed.subject"}}Juhu, {{.OrderID}}!{{end}}`)
	r, problems := render.New(folder)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	subject, text, _, err := r.Render("EMAIL", "order.confirmed", "de-DE", facts("EUR"))
	if err != nil || subject != "Juhu, o-4711!" || !strings.Contains(text, "Alles ist vorrätig") {
		t.Errorf("%q, %v\n%s", subject, err, text)
	}
}

func TestFolderAddsALanguage(t *testing.T) {
	english, err := os.ReadFile("texts/en.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write(t, folder, "nl.tmpl", strings.ReplaceAll(string(english), "Hello", "Goedendag"))
	r, problems := render.New(folder)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if _, text, _, err := r.Render("EMAIL", "order.created", "nl-BE", facts("EUR")); err != nil || !strings.Contains(text, "Goedendag Inès") {
		t.Errorf("%v\n%s", err, text)
	}
}

// Whatever is wrong in a folder is told with its place, and what is built in is used.
func TestBrokenTemplatesAreToldAndNotUsed(t *testing.T) {
	for name, test := range map[string]struct{ file, text, told string }{
		"a brace too few":     {"de.tmpl", "{{define \"greeting\"}}Hallo{{end}}\n{{if}}\n", "de.tmpl:2"},
		"a field of no facts": {"de.tmpl", "\n\n{{define \"order.created.subject\"}}{{.Email}}{{end}}", "de.tmpl:3"},
		"only where it is":    {"de.tmpl", "{{define \"order.cancelled.body\"}}{{range .Short}}{{.Price}}{{end}}{{end}}", "de.tmpl:1"},
		"half a language":     {"nl.tmpl", `{{define "direction"}}ltr{{end}}`, `nl.tmpl: does not define "months"`},
		"no language":         {"german.txt.tmpl", "", "german.txt.tmpl"},
		"11 months":           {"de.tmpl", `{{define "months"}}1 2 3 4 5 6 7 8 9 10 11{{end}}`, "months are 11"},
		"no direction":        {"de.tmpl", `{{define "direction"}}up{{end}}`, "direction"},
		"a layout":            {"layout.html", "<p>\n{{.Nothing}}</p>", "layout.html:2"},
		"a layout in script":  {"layout.html", "<p>\n<script>{{.Greeting}</script>", "layout.html:2"},
		"a text layout":       {"layout.txt", "{{.Greeting", "layout.txt:1"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			write(t, folder, test.file, test.text)
			write(t, folder, "fr.tmpl", `{{define "greeting"}}Salut{{end}}`)
			r, problems := render.New(folder)
			if len(problems) != 1 || !strings.Contains(problems[0].Error(), test.told) {
				t.Errorf("told: %v; want %s", problems, test.told)
			}
			golden(t, "order.created-de-EUR", r, "order.created", "de", facts("EUR"))
			if _, text, _, err := r.Render("EMAIL", "order.created", "fr", facts("EUR")); err != nil || !strings.Contains(text, "Salut") {
				t.Errorf("the file beside it is not used: %v\n%s", err, text)
			}
		})
	}
	if _, problems := render.New(filepath.Join(t.TempDir(), "none")); len(problems) != 1 {
		t.Errorf("a folder that is not there: %v", problems)
	}
}

func write(t *testing.T, folder, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
