package render_test

import (
	"testing"

	"github.com/orderplane/orderplane/adapters/notifier/internal/render"
)

func BenchmarkRender(b *testing.B) {
	r, problems := render.New("")
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	for b.Loop() {
		if _, _, _, err := r.Render("EMAIL", "order.created", "de", facts("EUR")); err != nil {
			b.Fatal(err)
		}
	}
}
