package depeche_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestNoConcreteErrors holds that no exported field, result or method of any package has a concrete error type:
// a nil pointer in such a value becomes an error that is not nil as soon as it is assigned to an error. Slices
// of them are allowed, and results with a bool beside them.
func TestNoConcreteErrors(t *testing.T) {
	w := errorWalk{fset: token.NewFileSet(), errors: map[string]bool{}}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && name != "." || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			file, err := parser.ParseFile(w.fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			w.files = append(w.files, file)
			w.dirs = append(w.dirs, filepath.ToSlash(filepath.Dir(name)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range w.files {
		w.collect(w.dirs[i], file)
	}
	if !w.errors["transport.SendError"] || !w.errors["transport/smtp/client.Error"] {
		t.Fatal("the walk does not find the error types")
	}
	for i, file := range w.files {
		if public := w.dirs[i]; !strings.Contains("/"+public+"/", "/internal/") {
			w.check(t, public, file)
		}
	}
}

// errorWalk looks at all files of the repository.
type errorWalk struct {
	fset   *token.FileSet
	files  []*ast.File
	dirs   []string
	errors map[string]bool // "dir.Type" of types with a method Error
}

func (w *errorWalk) collect(dir string, file *ast.File) {
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv == nil || f.Name.Name != "Error" || f.Type.Params.NumFields() > 0 {
			continue
		}
		receiver := f.Recv.List[0].Type
		if star, ok := receiver.(*ast.StarExpr); ok {
			receiver = star.X
		}
		if name, ok := receiver.(*ast.Ident); ok {
			w.errors[dir+"."+name.Name] = true
		}
	}
}

func (w *errorWalk) check(t *testing.T, dir string, file *ast.File) {
	t.Helper()
	imports := map[string]string{}
	for _, spec := range file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value) // the file has been parsed
		local, ours := strings.CutPrefix(name, "github.com/depeche-mail/depeche/")
		if !ours {
			continue
		}
		as := path.Base(name)
		if spec.Name != nil {
			as = spec.Name.Name
		}
		imports[as] = local
	}
	is := func(e ast.Expr) bool {
		if star, ok := e.(*ast.StarExpr); ok {
			e = star.X
		}
		switch e := e.(type) {
		case *ast.Ident:
			return w.errors[dir+"."+e.Name]
		case *ast.SelectorExpr:
			if pkg, ok := e.X.(*ast.Ident); ok {
				return w.errors[imports[pkg.Name]+"."+e.Sel.Name]
			}
		}
		return false
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Name.IsExported() && hasConcrete(n.Type, is) {
				t.Errorf("%s: %s returns a concrete error", w.fset.Position(n.Pos()), n.Name.Name)
			}
			return false // what is inside is not API
		case *ast.InterfaceType:
			for _, m := range n.Methods.List {
				if f, ok := m.Type.(*ast.FuncType); ok && len(m.Names) > 0 && m.Names[0].IsExported() && hasConcrete(f, is) {
					t.Errorf("%s: %s returns a concrete error", w.fset.Position(m.Pos()), m.Names[0].Name)
				}
			}
		case *ast.StructType:
			for _, field := range n.Fields.List {
				for _, name := range field.Names {
					if name.IsExported() && is(field.Type) {
						t.Errorf("%s: the field %s is a concrete error", w.fset.Position(field.Pos()), name.Name)
					}
				}
			}
		}
		return true
	})
}

// hasConcrete reports whether a function returns a concrete error and no bool.
func hasConcrete(f *ast.FuncType, is func(ast.Expr) bool) bool {
	if f.Results == nil {
		return false
	}
	concrete := false
	for _, r := range f.Results.List {
		if name, ok := r.Type.(*ast.Ident); ok && name.Name == "bool" {
			return false
		}
		concrete = concrete || is(r.Type)
	}
	return concrete
}
