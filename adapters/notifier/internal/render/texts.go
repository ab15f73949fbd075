package render

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/text/language"
)

//go:embed texts
var builtIn embed.FS

// files of the built-in texts.
func files() fs.FS {
	sub, err := fs.Sub(builtIn, "texts")
	if err != nil {
		return builtIn // the folder is there, as it was compiled
	}
	return sub
}

const (
	textLayout = "layout.txt"
	htmlLayout = "layout.html"
	ending     = ".tmpl"
)

// fallback is the language of whoever wants none that there is.
const fallback = "en"

// Templates are the names of the texts: the events that a customer is told of.
func Templates() []string {
	return []string{
		"order.created", "order.confirmed", "order.cancelled", "order.fulfilled",
		"order.return.requested", "order.return.rejected", "order.returned",
	}
}

// needed are the names that a language has to define.
func needed() []string {
	names := []string{
		"direction", "months", "date", "amount", "greeting", "closing",
		"label.items", "label.returned", "label.total", "label.refund", "label.address",
	}
	for _, t := range Templates() {
		names = append(names, t+".subject", t+".body", t+".short")
	}
	return names
}

// texts are those of one language.
type texts struct {
	tag       language.Tag
	direction string
	months    []string
	templates *template.Template
}

// run executes a text.
func (t *texts) run(name string, data any) (string, error) {
	var written strings.Builder
	if err := t.templates.ExecuteTemplate(&written, name, data); err != nil {
		return "", err
	}
	return strings.TrimSpace(written.String()), nil
}

// readTexts reads a language's file over those texts that it may leave out.
func readTexts(from fs.FS, file string, over *template.Template) (*texts, error) {
	source, err := fs.ReadFile(from, file)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(path.Base(file), ending)
	tag, err := language.Parse(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is no language, such as nl or pt-BR", file, name)
	}
	base := template.New("")
	if over != nil {
		if base, err = over.Clone(); err != nil {
			return nil, err
		}
	}
	if _, err := base.New(file).Option("missingkey=error").Parse(string(source)); err != nil {
		return nil, err
	}
	return finish(file, tag, base)
}

// finish looks whether a language is complete.
func finish(file string, tag language.Tag, templates *template.Template) (*texts, error) {
	for _, name := range needed() {
		if templates.Lookup(name) == nil {
			return nil, fmt.Errorf("%s: does not define %q", file, name)
		}
	}
	t := &texts{tag: tag, templates: templates}
	direction, err := t.run("direction", nil)
	if err != nil {
		return nil, err
	}
	if t.direction = direction; direction != "ltr" && direction != rightToLeft {
		return nil, fmt.Errorf("%s: direction is %q, not ltr or rtl", file, direction)
	}
	months, err := t.run("months", nil)
	if err != nil {
		return nil, err
	}
	const year = 12
	if t.months = strings.Fields(months); len(t.months) != year {
		return nil, fmt.Errorf("%s: months are %d, not %d with spaces between", file, len(t.months), year)
	}
	return t, nil
}

// layouts put texts together.
type layouts struct {
	text *template.Template
	html *htmltemplate.Template
}

func readLayouts(from fs.FS, over layouts) (layouts, error) {
	var errs []error
	if source, err := fs.ReadFile(from, textLayout); err == nil {
		if over.text, err = template.New(textLayout).Parse(string(source)); err != nil {
			errs = append(errs, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	if source, err := fs.ReadFile(from, htmlLayout); err == nil {
		if over.html, err = htmltemplate.New(htmlLayout).Parse(string(source)); err != nil {
			errs = append(errs, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	return over, errors.Join(errs...)
}

// languageFiles of a folder, in order.
func languageFiles(of fs.FS) ([]string, error) {
	found, err := fs.Glob(of, "*"+ending)
	slices.Sort(found)
	return found, err
}
