// Package architecture_test holds the tree to the rooms of docs/design/0010-rooms.md:
// which package may import which, and how large a type of the stock controller
// may be. It reads the source itself, on every platform's files at once, so that
// Go's test cache knows when to look again.
package architecture_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/orderplane/orderplane"
)

// pkg is one package: what stands in one folder, tests apart.
type pkg struct {
	// imports are the folders of Orderplane's own packages that it imports, sorted.
	imports []string
	// files are its parsed files by name.
	files map[string]*ast.File
}

// tree is every package of the module by folder, such as "internal/domain/order".
// One without files of its own, only with tests, is not in it.
type tree map[string]*pkg

// readTree parses the module. Folders that are modules of their own are left out.
func readTree(t *testing.T, mode parser.Mode) tree {
	t.Helper()
	found := tree{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipped(path, entry.Name())
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, mode)
		if err != nil {
			return err
		}
		folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), root+"/")
		found.add(folder, entry.Name(), file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("no package found")
	}
	return found
}

// skipped answers fs.SkipDir for a folder without code of this module.
func skipped(path, name string) error {
	if path == root {
		return nil
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "bin" || name == "dist" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func (t tree) add(folder, name string, file *ast.File) {
	p := t[folder]
	if p == nil {
		p = &pkg{files: map[string]*ast.File{}}
		t[folder] = p
	}
	p.files[name] = file
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser would not have let it through
		}
		if own, ok := strings.CutPrefix(path, module+"/"); ok && !slices.Contains(p.imports, own) {
			p.imports = append(p.imports, own)
		}
	}
	slices.Sort(p.imports)
}

// folders of the tree, sorted.
func (t tree) folders() []string { return slices.Sorted(maps.Keys(t)) }

// under tells whether a folder is dir or beneath it.
func under(folder, dir string) bool {
	return folder == dir || strings.HasPrefix(folder, dir+"/")
}
