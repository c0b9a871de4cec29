package depeche_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/depeche-mail/depeche"

type limits struct{ fileLines, functionLines, arguments, results int }

// checker reads a source tree as text; it never builds it, so it also sees files that the
// current platform leaves out.
type checker struct {
	arrows   map[string][]string
	programs []string
	limits   limits
}

// sourcePackage is what one folder's non-test files declare.
type sourcePackage struct {
	dir      string
	comments int
	files    []*ast.File
}

func (c checker) check(tree fs.FS) (faults []string, err error) {
	set := token.NewFileSet()
	packages := map[string]*sourcePackage{}
	var nested []string // folders with a go.mod of their own
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.Name() == "go.mod" && name != "go.mod":
			nested = append(nested, path.Dir(name))
		case strings.HasSuffix(name, ".go"):
			more, err := c.checkFile(tree, set, name, packages)
			faults = append(faults, more...)
			return err
		}
		return nil
	})
	for _, p := range packages {
		faults = append(faults, c.checkPackage(p, nested)...)
	}
	slices.Sort(faults)
	return faults, err
}

func (c checker) checkFile(tree fs.FS, set *token.FileSet, name string, packages map[string]*sourcePackage) ([]string, error) {
	src, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, err
	}
	var faults []string
	if n := bytes.Count(src, []byte("\n")); n > c.limits.fileLines {
		faults = append(faults, fmt.Sprintf("%s: %d lines, at most %d: split it by noun", name, n, c.limits.fileLines))
	}
	file, err := parser.ParseFile(set, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, "_test.go") {
		return faults, nil
	}
	dir := path.Dir(name)
	p := packages[dir]
	if p == nil {
		p = &sourcePackage{dir: dir}
		packages[dir] = p
	}
	if file.Doc != nil {
		p.comments++
	}
	p.files = append(p.files, file)
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			faults = append(faults, c.checkFunction(set, name, f)...)
		}
	}
	return faults, nil
}

func (c checker) checkFunction(set *token.FileSet, file string, f *ast.FuncDecl) (faults []string) {
	where := fmt.Sprintf("%s: func %s", file, f.Name.Name)
	lines := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1
	if lines > c.limits.functionLines {
		faults = append(faults, fmt.Sprintf("%s: %d lines, at most %d", where, lines, c.limits.functionLines))
	}
	if n := f.Type.Params.NumFields(); n > c.limits.arguments {
		faults = append(faults, fmt.Sprintf("%s: %d arguments, at most %d", where, n, c.limits.arguments))
	}
	if f.Type.Results != nil && f.Type.Results.NumFields() > c.limits.results {
		faults = append(faults, fmt.Sprintf("%s: %d results, at most %d", where, f.Type.Results.NumFields(), c.limits.results))
	}
	return faults
}

func (c checker) checkPackage(p *sourcePackage, nested []string) (faults []string) {
	if p.comments != 1 {
		faults = append(faults, fmt.Sprintf("%s: %d package comments, want exactly one", p.dir, p.comments))
	}
	inNested := slices.ContainsFunc(nested, func(dir string) bool { return within(p.dir, dir) })
	isProgram := slices.ContainsFunc(c.programs, func(dir string) bool { return within(p.dir, dir) })
	allowed, known := c.arrows[p.dir]
	if !known && !inNested && !isProgram {
		return append(faults, fmt.Sprintf("%s: this package is not in the table of arrows", p.dir))
	}
	unused := slices.Clone(allowed)
	for _, file := range p.files {
		if file.Name.Name != "main" {
			faults = append(faults, undocumented(p.dir, file)...)
		}
		if inNested || isProgram {
			continue
		}
		for _, spec := range file.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			unused = slices.DeleteFunc(unused, func(arrow string) bool { return mayImport([]string{arrow}, target) && !isStandard(target) })
			if !mayImport(allowed, target) {
				faults = append(faults, fmt.Sprintf("%s: imports %s, which the table of arrows does not allow", p.dir, target))
			}
		}
	}
	for _, arrow := range unused {
		faults = append(faults, fmt.Sprintf("%s: does not import %s: take the arrow out of the table", p.dir, arrow))
	}
	return faults
}

// isStandard reports whether target is a package of the standard library.
func isStandard(target string) bool {
	first, _, _ := strings.Cut(target, "/")
	return !strings.Contains(first, ".")
}

// mayImport reports whether target is the standard library or in the list.
func mayImport(allowed []string, target string) bool {
	own, isOwn := strings.CutPrefix(target, module)
	if isOwn {
		return slices.Contains(allowed, strings.TrimPrefix(own, "/"))
	}
	return isStandard(target) || slices.ContainsFunc(allowed, func(a string) bool { return within(target, a) })
}

func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, dir+"/")
}

// undocumented lists the exported names of a file that have no doc comment. Grouped constants and
// variables may share the comment of their group or stand with one on their line.
func undocumented(dir string, file *ast.File) (faults []string) {
	missing := func(name string) {
		faults = append(faults, fmt.Sprintf("%s: exported %s has no doc comment", dir, name))
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
				missing(d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
						missing(s.Name.Name)
					}
				case *ast.ValueSpec:
					if s.Names[0].IsExported() && s.Doc == nil && d.Doc == nil && s.Comment == nil {
						missing(s.Names[0].Name)
					}
				}
			}
		}
	}
	return faults
}

// exportedReceiver reports whether f is a function or a method of an exported type.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	t := f.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}
