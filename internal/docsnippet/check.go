package docsnippet

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// Checker compiles snippets, without code, against one module and what it depends on.
type Checker struct {
	given    string              // a file of declarations that all snippets may use
	exports  map[string]string   // import path to the file of its export data
	byName   map[string][]string // last element of an import path to the paths that end so
	files    *token.FileSet
	importer types.Importer
}

// NewChecker returns one for the module in dir. given is the source of a file of package page: what the pages' code takes
// as given, such as a ctx.
func NewChecker(dir, given string) (*Checker, error) {
	c := &Checker{given: given, exports: map[string]string{}, byName: map[string][]string{}, files: token.NewFileSet()}
	header, err := parser.ParseFile(c.files, "given.go", given, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var imports []string
	for _, spec := range header.Imports {
		imports = append(imports, strings.Trim(spec.Path.Value, `"`))
	}
	for _, args := range [][]string{{"-test", "./..."}, imports} {
		if err := c.list(dir, args...); err != nil {
			return nil, err
		}
	}
	c.importer = importer.ForCompiler(c.files, "gc", func(name string) (io.ReadCloser, error) {
		file, known := c.exports[name]
		if !known {
			return nil, fmt.Errorf("no package %s", name)
		}
		return os.Open(file)
	})
	return c, nil
}

// list has the go command compile packages and all that they import, and notes where it put their export data.
func (c *Checker) list(dir string, args ...string) error {
	list := exec.CommandContext(context.Background(), "go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, args...)...) //nolint:gosec // the arguments are ours
	list.Dir, list.Stderr = dir, os.Stderr
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if file == "" || c.exports[name] != "" || !importable(name) {
			continue
		}
		c.exports[name] = file
		c.byName[called(name)] = append(c.byName[called(name)], name)
	}
	return nil
}

func importable(name string) bool {
	return !strings.ContainsAny(name, " [") && !strings.HasSuffix(name, ".test") && !strings.HasPrefix(name, "vendor/") &&
		!strings.Contains("/"+name, "/internal/")
}

// called is the name by which code calls the package of an import path.
func called(importPath string) string {
	name := strings.TrimPrefix(path.Base(importPath), "go-")
	if at := strings.LastIndex(name, ".v"); at > 0 { // gopkg.in/name.v2
		name = name[:at]
	}
	return name
}

// Check returns what is wrong with a snippet; nil says that it compiles. Variables that it does not use are allowed:
// pages show the beginning of a program. prefer names import paths to take where several have the same last element.
func (c *Checker) Check(s Snippet, prefer ...string) error {
	var (
		file *ast.File
		err  error
	)
	for _, source := range s.sources() {
		if file, err = parser.ParseFile(c.files, "", source, parser.SkipObjectResolution); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	given, err := parser.ParseFile(c.files, "given.go", c.given, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	unit := []*ast.File{given, file}
	if file.Name.Name != given.Name.Name { // a whole program
		unit = unit[1:]
	} else if len(file.Imports) == 0 {
		c.addImports(file, prefer, declared(given), declared(file))
	}
	var faults []error
	config := types.Config{Importer: c.importer, Error: func(err error) {
		var fault types.Error
		if !errors.As(err, &fault) || !fault.Soft {
			faults = append(faults, err)
		}
	}}
	_, _ = config.Check("page", c.files, unit, nil) // Error has them all
	return errors.Join(faults...)
}

// addImports imports each package that the code calls by its name, as a reader does in mind.
func (c *Checker) addImports(file *ast.File, prefer []string, variables ...map[string]bool) {
	var specs []ast.Spec
	done := map[string]bool{}
	for _, names := range variables {
		maps.Copy(done, names)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		selector, isSelector := n.(*ast.SelectorExpr)
		if !isSelector {
			return true
		}
		name, isName := selector.X.(*ast.Ident)
		if !isName || done[name.Name] || !token.IsExported(selector.Sel.Name) {
			return true
		}
		if importPath := c.choose(name.Name, prefer); importPath != "" {
			done[name.Name] = true
			spec := &ast.ImportSpec{Name: ast.NewIdent(name.Name), Path: &ast.BasicLit{Kind: token.STRING, Value: fmt.Sprintf("%q", importPath)}}
			specs = append(specs, spec)
			file.Imports = append(file.Imports, spec)
		}
		return true
	})
	if len(specs) > 0 {
		file.Decls = slices.Insert(file.Decls, 0, ast.Decl(&ast.GenDecl{Tok: token.IMPORT, Lparen: 1, Rparen: 1, Specs: specs}))
	}
}

// declared returns the names of the variables that a file declares.
func declared(file *ast.File) map[string]bool {
	names := map[string]bool{}
	add := func(list ...*ast.Ident) {
		for _, name := range list {
			names[name.Name] = true
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			add(n.Names...)
		case *ast.Field:
			add(n.Names...)
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if name, isName := left.(*ast.Ident); isName && n.Tok == token.DEFINE {
					add(name)
				}
			}
		}
		return true
	})
	return names
}

// choose returns the import path for a name: a preferred one, one of ours, or else the shortest, which is the standard
// library's.
func (c *Checker) choose(name string, prefer []string) string {
	known := c.byName[name]
	for _, p := range known {
		if slices.Contains(prefer, p) {
			return p
		}
	}
	for _, p := range known {
		if strings.HasPrefix(p, "github.com/depeche-mail/") {
			return p
		}
	}
	if len(known) == 0 {
		return ""
	}
	return slices.MinFunc(known, func(a, b string) int { return len(a) - len(b) })
}
