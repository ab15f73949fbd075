package architecture_test

import (
	"flag"
	"fmt"
	"go/parser"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/develop/imports.md anew")

const page = "docs/develop/imports.md"

// graph is a drawing: nodes, and arrows from who imports to what is imported.
type graph map[string][]string

func (g graph) add(from, to string) {
	if from != to && !slices.Contains(g[from], to) {
		g[from] = append(g[from], to)
	}
}

// mermaid draws the arrows, sorted, with what is drawn beneath prefix named without it.
func (g graph) mermaid(prefix string) string {
	var b strings.Builder
	b.WriteString("```mermaid\nflowchart TD\n")
	node := func(folder string) string {
		name := strings.TrimPrefix(folder, prefix)
		if !strings.Contains(name, "/") {
			return name
		}
		return strings.ReplaceAll(name, "/", "_") + `["` + name + `"]`
	}
	for _, from := range slices.Sorted(maps.Keys(g)) {
		to := slices.Sorted(slices.Values(g[from]))
		for i := range to {
			to[i] = node(to[i])
		}
		fmt.Fprintf(&b, "    %s --> %s\n", node(from), strings.Join(to, " & "))
	}
	b.WriteString("```\n")
	return b.String()
}

// inside draws the packages beneath a folder and what they import of each other.
func (t tree) inside(folder string) graph {
	g := graph{}
	for from, p := range t {
		for _, to := range p.imports {
			if under(from, folder) && under(to, folder) && !slices.Contains(testOnly, from) {
				g.add(from, to)
			}
		}
	}
	return g
}

// between draws the rooms, tests apart, each one node.
func (t tree) between() graph {
	node := func(folder string) string {
		for _, whole := range []string{"internal/domain", "controllers/stock"} {
			if under(folder, whole) {
				return whole
			}
		}
		r, _ := roomOf(folder)
		return r.folder
	}
	g := graph{}
	for from, p := range t {
		for _, to := range p.imports {
			if !slices.ContainsFunc(testOnly, func(dir string) bool { return under(from, dir) }) {
				g.add(node(from), node(to))
			}
		}
	}
	return g
}

// render gives the whole page.
func (t tree) render() string {
	var b strings.Builder
	b.WriteString(`# What imports what

<!-- Written by "go test ./test/architecture -update"; the same test compares it. -->

An arrow goes from the package that imports to the one that is imported. Only imports of Orderplane's own packages are drawn,
and none of tests. [Rooms](../design/0010-rooms.md) says why it is so. The rules are a table in ` + "`test/architecture/imports_test.go`" + `,
and the test there fails on an arrow that they forbid.

## Rooms

`)
	b.WriteString(t.between().mermaid(""))
	b.WriteString("\n## The stock controller\n\nEach package imports only those below it, and none imports the controller itself.\n\n")
	b.WriteString(t.inside("controllers/stock").mermaid("controllers/stock/internal/"))
	b.WriteString("\n## The domain\n\n")
	b.WriteString(t.inside("internal/domain").mermaid("internal/domain/"))
	b.WriteString("\n## Every package\n\n| package | imports |\n|---|---|\n")
	for _, folder := range t.folders() {
		imports := "nothing"
		if p := t[folder]; len(p.imports) > 0 {
			imports = "`" + strings.Join(p.imports, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", folder, imports)
	}
	return b.String()
}

func TestThePictureIsFresh(t *testing.T) {
	file := filepath.Join(root, page)
	want := readTree(t, parser.ImportsOnly).render()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is stale; go test ./test/architecture -update (-want +got):\n%s", page, diff)
	}
}
