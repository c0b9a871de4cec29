package depeche_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const apiPage = "api.txt"

var updateAPI = flag.Bool("update-api", false, "write api.txt anew")

// TestAPI compares what the packages export with the list in the repository, so that a change of the API shows in
// the change itself. `make apidiff` says which of the changes since a tag break programs.
func TestAPI(t *testing.T) {
	list, err := exported(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if *updateAPI {
		if err := os.WriteFile(apiPage, []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	had, err := os.ReadFile(apiPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(had), "\n"), strings.Split(list, "\n")); diff != "" {
		t.Errorf("%s is stale; if the change is meant, run: go test -run TestAPI -update-api . and say it in CHANGELOG.md\n%s", apiPage, diff)
	}
}

// exported lists each exported declaration of the core module's packages that others may import, one a line.
func exported(tree fs.FS) (string, error) {
	var lines []string
	err := fs.WalkDir(tree, ".", func(dir string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case dir != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "internal" || entry.Name() == "examples"):
			return fs.SkipDir
		case dir != ".":
			if _, err := fs.Stat(tree, path.Join(dir, "go.mod")); err == nil {
				return fs.SkipDir // a module of its own
			}
		}
		more, err := exportedBy(tree, dir)
		lines = append(lines, more...)
		return err
	})
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n") + "\n", err
}

func exportedBy(tree fs.FS, dir string) (lines []string, err error) {
	entries, err := fs.ReadDir(tree, dir)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if file.Name.Name != "main" {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	p, err := doc.NewFromFiles(set, files, module+"/"+dir)
	if err != nil {
		return nil, err
	}
	say := func(node ast.Node) {
		var b bytes.Buffer
		_ = printer.Fprint(&b, set, node) // a buffer never fails
		for line := range strings.SplitSeq(b.String(), "\n") {
			lines = append(lines, dir+": "+strings.TrimSpace(line))
		}
	}
	values := func(list []*doc.Value) {
		for _, v := range list {
			for _, spec := range v.Decl.Specs {
				value := spec.(*ast.ValueSpec)
				for i, name := range value.Names {
					if !name.IsExported() {
						continue
					}
					one := &ast.ValueSpec{Names: []*ast.Ident{name}, Type: value.Type}
					if v.Decl.Tok == token.CONST && i < len(value.Values) {
						one.Values = value.Values[i : i+1]
					}
					say(&ast.GenDecl{Tok: v.Decl.Tok, Specs: []ast.Spec{one}})
				}
			}
		}
	}
	funcs := func(list []*doc.Func) {
		for _, f := range list {
			say(&ast.FuncDecl{Recv: f.Decl.Recv, Name: f.Decl.Name, Type: f.Decl.Type})
		}
	}
	values(p.Consts)
	values(p.Vars)
	funcs(p.Funcs)
	for _, typ := range p.Types {
		values(typ.Consts)
		values(typ.Vars)
		funcs(typ.Funcs)
		funcs(typ.Methods)
		lines = append(lines, exportedType(dir, set, typ)...)
	}
	return lines, nil
}

// exportedType lists a type and each exported field or method that its declaration has.
func exportedType(dir string, set *token.FileSet, typ *doc.Type) (lines []string) {
	spec := typ.Decl.Specs[0].(*ast.TypeSpec)
	show := func(node ast.Node) string {
		var b bytes.Buffer
		_ = printer.Fprint(&b, set, node) // a buffer never fails
		return strings.Join(strings.Fields(b.String()), " ")
	}
	members := func(kind string, list *ast.FieldList) {
		lines = append(lines, dir+": type "+typ.Name+" "+kind)
		for _, field := range list.List {
			for _, name := range field.Names {
				if name.IsExported() {
					lines = append(lines, dir+": type "+typ.Name+" "+kind+", "+name.Name+" "+show(field.Type))
				}
			}
			if len(field.Names) == 0 {
				lines = append(lines, dir+": type "+typ.Name+" "+kind+", embedded "+show(field.Type))
			}
		}
	}
	switch t := spec.Type.(type) {
	case *ast.StructType:
		members("struct", t.Fields)
	case *ast.InterfaceType:
		members("interface", t.Methods)
	default:
		lines = append(lines, dir+": type "+typ.Name+" "+show(spec.Type))
	}
	return lines
}
