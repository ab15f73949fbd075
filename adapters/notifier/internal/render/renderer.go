package render

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/text/language"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Renderer makes texts. It may be used from any number of goroutines.
type Renderer struct {
	languages []*texts
	matcher   language.Matcher
	layouts   layouts
}

// New reads the built-in texts, and those of a folder over them; none when it is empty. What the folder
// has wrong comes back, each with its file and line: the built-in texts stand in its place.
//
// The folder may have a file for each language, such as de.tmpl or nl.tmpl, layout.txt and layout.html. A
// file of a language that is built in may define some of the texts; that of another has to define all.
func New(folder string) (*Renderer, []error) {
	r, err := builtInRenderer()
	if err != nil {
		return r, []error{err}
	}
	if folder == "" {
		return r, nil
	}
	return r.over(os.DirFS(folder))
}

func builtInRenderer() (*Renderer, error) {
	r := &Renderer{}
	own := files()
	names, err := languageFiles(own)
	if err != nil {
		return r, err
	}
	for _, name := range names {
		t, err := readTexts(own, name, nil)
		if err != nil {
			return r, err
		}
		r.put(t)
	}
	if r.layouts, err = readLayouts(own, r.layouts); err != nil {
		return r, err
	}
	return r, r.check()
}

// over is the renderer with the files of a folder, of which each that fails is left out.
func (r *Renderer) over(folder fs.FS) (*Renderer, []error) {
	var problems []error
	names, err := languageFiles(folder)
	if _, unread := fs.ReadDir(folder, "."); unread != nil || err != nil {
		return r, []error{fmt.Errorf("folder of templates: %w", errors.Join(unread, err))}
	}
	for _, name := range names {
		t, err := readTexts(folder, name, r.known(name))
		if err != nil {
			problems = append(problems, err)
			continue
		}
		with := r.copy()
		with.put(t)
		if err := with.check(); err != nil {
			problems = append(problems, err)
			continue
		}
		r = with
	}
	with := r.copy()
	if with.layouts, err = readLayouts(folder, r.layouts); err == nil {
		err = with.check()
	}
	if err != nil {
		return r, append(problems, err)
	}
	return with, problems
}

// known are the texts that a file is about, if there are some.
func (r *Renderer) known(file string) *template.Template {
	for _, l := range r.languages {
		if l.tag.String()+ending == file {
			return l.templates
		}
	}
	return nil
}

func (r *Renderer) copy() *Renderer {
	return &Renderer{slices.Clone(r.languages), r.matcher, r.layouts}
}

// put takes a language in, or in place of the one there was. The fallback stands first.
func (r *Renderer) put(t *texts) {
	r.languages = slices.DeleteFunc(r.languages, func(had *texts) bool { return had.tag == t.tag })
	if t.tag.String() == fallback {
		r.languages = slices.Insert(r.languages, 0, t)
	} else {
		r.languages = append(r.languages, t)
	}
	tags := make([]language.Tag, 0, len(r.languages))
	for _, l := range r.languages {
		tags = append(tags, l.tag)
	}
	r.matcher = language.NewMatcher(tags)
}

// check makes every text once, full and empty.
func (r *Renderer) check() error {
	for _, l := range r.languages {
		for _, name := range Templates() {
			for _, facts := range []Facts{exampleFacts(), {OrderID: "example"}} {
				if _, _, _, err := r.Render("EMAIL", name, l.tag.String(), facts); err != nil {
					return err
				}
				if _, _, _, err := r.Render("SMS", name, l.tag.String(), facts); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// resolve finds the texts for what somebody wants to be told in, and how numbers are written there.
func (r *Renderer) resolve(wanted string) (*texts, locale) {
	tag, err := language.Parse(wanted)
	if err != nil {
		return r.languages[0], newLocale(r.languages[0].tag)
	}
	_, at, confidence := r.matcher.Match(tag)
	if confidence == language.No {
		at = 0
	}
	t := r.languages[at]
	base, _ := t.tag.Base()
	if own, _ := tag.Base(); own != base {
		tag = t.tag // a text of another language has that one's numbers
	}
	return t, newLocale(tag)
}

// Language is the one that somebody is told in who wants to be told in another: the same, or the nearest
// that there are texts of, or English.
func (r *Renderer) Language(wanted string) string {
	t, _ := r.resolve(wanted)
	return t.tag.String()
}

// Render makes a text for a channel: EMAIL has a subject, plain text and HTML; SMS a short text; PUSH a
// subject and a short text. A language that there is none of gives English. It is an error if there is no
// such template; and one of a folder that fails only with these facts has its error here.
func (r *Renderer) Render(channel v1alpha1.NotificationChannel, name, wanted string, facts Facts) (subject, text, html string, err error) {
	if !slices.Contains(Templates(), name) {
		return "", "", "", fmt.Errorf("there is no template %q", name)
	}
	t, l := r.resolve(wanted)
	s, err := say(t, l, facts)
	if err != nil {
		return "", "", "", err
	}
	if channel != "SMS" {
		if subject, err = t.run(name+".subject", s); err != nil {
			return "", "", "", err
		}
		subject = oneLine(subject)
	}
	if channel != "EMAIL" {
		text, err = t.run(name+".short", s)
		return subject, oneLine(text), "", err
	}
	p, err := t.page(name, s, facts, l)
	if err != nil {
		return "", "", "", err
	}
	p.Subject = subject
	text, html, err = r.layouts.run(p)
	return subject, text, html, err
}

func (l layouts) run(p *page) (text, html string, err error) {
	var plain, markup strings.Builder
	if err := l.text.Execute(&plain, p); err != nil {
		return "", "", err
	}
	if err := l.html.Execute(&markup, p); err != nil {
		return "", "", err
	}
	return strings.TrimSpace(plain.String()) + "\n", markup.String(), nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
