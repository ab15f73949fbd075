package performance

import (
	"bytes"
	"strings"
)

// A template is a body of a request that was encoded once. What differs from one
// object to the next is put into its gaps, so that the load generator leaves the
// machine to what is measured.
type template struct {
	parts [][]byte
	gaps  []gap // one fewer than parts
}

type gap int

const (
	gapName gap = iota
	gapUID
	gapOrderUID
	gapVersion
	gapProduct
	gapItemUID
	gapSeq
	gaps
)

// mark stands in the text of a template where a gap is to be. They are good
// values for names and uids, so that an object can hold them.
func (g gap) mark() string {
	return [gaps]string{"gap-name-gap", "gap-uid-gap", "gap-order-gap", "gap-version-gap", "gap-product-gap", "gap-item-gap", "gap-seq-gap"}[g]
}

func newTemplate(body []byte) template {
	var t template
	for {
		next, at := gaps, len(body)
		for g := range gaps {
			if i := bytes.Index(body, []byte(g.mark())); i >= 0 && i < at {
				next, at = g, i
			}
		}
		t.parts = append(t.parts, bytes.Clone(body[:at]))
		if next == gaps {
			return t
		}
		t.gaps = append(t.gaps, next)
		body = body[at+len(next.mark()):]
	}
}

// filling is what goes into the gaps of a template.
type filling [gaps]string

func (t template) fill(f filling) []byte {
	size := 0
	for _, p := range t.parts {
		size += len(p)
	}
	for _, g := range t.gaps {
		size += len(f[g])
	}
	body := make([]byte, 0, size)
	for i, p := range t.parts {
		body = append(body, p...)
		if i < len(t.gaps) {
			body = append(body, f[t.gaps[i]]...)
		}
	}
	return body
}

// cut makes a template of a stored text by what stands in it: every occurrence
// of a value becomes a gap.
func cut(body []byte, values filling) template {
	text := string(body)
	for g := range gaps {
		if values[g] != "" {
			text = strings.ReplaceAll(text, values[g], g.mark())
		}
	}
	return newTemplate([]byte(text))
}
