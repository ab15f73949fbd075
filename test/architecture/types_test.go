package architecture_test

import (
	"go/ast"
	"slices"
	"testing"
)

// A type of the stock controller has one job. Past these sizes it has two.
const (
	mostFields  = 12
	mostMethods = 15
	mostFiles   = 3
)

// size of a type: what is counted about it in its package.
type size struct {
	fields, methods int
	// files that its methods stand in.
	files []string
}

// sizes counts the types of a package by name, interfaces and aliases too.
func (p *pkg) sizes() map[string]*size {
	found := map[string]*size{}
	of := func(name string) *size {
		if found[name] == nil {
			found[name] = &size{}
		}
		return found[name]
	}
	for name, file := range p.files {
		for _, decl := range file.Decls {
			if method, ok := decl.(*ast.FuncDecl); ok && method.Recv != nil {
				s := of(receiver(method.Recv.List[0].Type))
				s.methods++
				if !slices.Contains(s.files, name) {
					s.files = append(s.files, name)
				}
			}
		}
		// Types declared inside functions count as well.
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					of(spec.Name.Name).fields = s.Fields.NumFields()
				}
			}
			return true
		})
	}
	return found
}

// receiver gives the name of a method's type, without its pointer and type parameters.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	default:
		return ""
	}
}

func TestTypesOfTheStockControllerStaySmall(t *testing.T) {
	types := 0
	for folder, p := range readTree(t, 0) {
		if !under(folder, "controllers/stock") {
			continue
		}
		for name, s := range p.sizes() {
			types++
			if s.fields > mostFields {
				t.Errorf("%s: %s has %d fields, at most %d", folder, name, s.fields, mostFields)
			}
			if s.methods > mostMethods {
				t.Errorf("%s: %s has %d methods, at most %d", folder, name, s.methods, mostMethods)
			}
			if len(s.files) > mostFiles {
				t.Errorf("%s: the methods of %s stand in %d files, at most in %d", folder, name, len(s.files), mostFiles)
			}
		}
	}
	if types == 0 {
		t.Error("no type found in controllers/stock")
	}
}
