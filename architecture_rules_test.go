package depeche_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestCheckerSeesEachFault breaks one rule at a time in a small tree, so that a checker that went
// blind fails here and not in silence.
func TestCheckerSeesEachFault(t *testing.T) {
	const clean = "// Package low is low.\npackage low\n"
	long := strings.Repeat("// filler\n", 501-strings.Count(clean, "\n"))
	cases := map[string]struct {
		files map[string]string
		want  []string
	}{
		"a clean tree": {
			files: map[string]string{"low/low.go": clean},
		},
		"an arrow upward": {
			files: map[string]string{"low/low.go": clean + "import _ \"" + module + "/high\"\n"},
			want:  []string{"low: imports " + module + "/high, which the table of arrows does not allow"},
		},
		"a module of others": {
			files: map[string]string{"low/low.go": clean + "import _ \"example.org/x\"\n"},
			want:  []string{"low: imports example.org/x, which the table of arrows does not allow"},
		},
		"allowed imports": {
			files: map[string]string{
				"low/low.go": clean + "import _ \"net/mail\"\n",
				"high/h.go":  "// Package high is high.\npackage high\nimport (\n_ \"" + module + "/low\"\n_ \"example.org/y/z\"\n)\n",
			},
		},
		"an arrow that is not used": {
			files: map[string]string{"high/h.go": "// Package high is high.\npackage high\nimport _ \"" + module + "/low\"\n"},
			want:  []string{"high: does not import example.org/y: take the arrow out of the table"},
		},
		"a package that is not in the table": {
			files: map[string]string{"new/new.go": "// Package new is new.\npackage new\n"},
			want:  []string{"new: this package is not in the table of arrows"},
		},
		"no package comment": {
			files: map[string]string{"low/low.go": "package low\n"},
			want:  []string{"low: 0 package comments, want exactly one"},
		},
		"two package comments": {
			files: map[string]string{"low/a.go": clean, "low/b.go": clean},
			want:  []string{"low: 2 package comments, want exactly one"},
		},
		"a file of 501 lines": {
			files: map[string]string{"low/low.go": clean + long},
			want:  []string{"low/low.go: 501 lines, at most 500: split it by noun"},
		},
		"a test file of 501 lines": {
			files: map[string]string{"low/low.go": clean, "low/low_test.go": "package low\n\n" + long},
			want:  []string{"low/low_test.go: 501 lines, at most 500: split it by noun"},
		},
		"a function of 81 lines": {
			files: map[string]string{"low/low.go": clean + "func f() {\n" + strings.Repeat("\n", 79) + "}\n"},
			want:  []string{"low/low.go: func f: 81 lines, at most 80"},
		},
		"six arguments and four results": {
			files: map[string]string{"low/low.go": clean + "func f(a, b, c, d, e, f int) (int, int, int, int) { return 0, 0, 0, 0 }\n"},
			want:  []string{"low/low.go: func f: 4 results, at most 3", "low/low.go: func f: 6 arguments, at most 5"},
		},
		"exported names without comments": {
			files: map[string]string{"low/low.go": clean + "type T[P any] struct{}\nfunc (t *T[P]) M() {}\nfunc F() {}\nconst C = 1\nvar (\n\tV int // documented here\n)\ntype t struct{}\nfunc (t) N() {}\n"},
			want: []string{
				"low: exported C has no doc comment", "low: exported F has no doc comment",
				"low: exported M has no doc comment", "low: exported T has no doc comment",
			},
		},
		"a nested module has its own imports but keeps the budgets": {
			files: map[string]string{
				"nested/go.mod":   "module x\n",
				"nested/sub/a.go": "package sub\nimport _ \"example.org/x\"\n",
			},
			want: []string{"nested/sub: 0 package comments, want exactly one"},
		},
	}
	c := checker{
		arrows: map[string][]string{"low": {}, "high": {"low", "example.org/y"}},
		limits: budgets,
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{}
			for file, text := range tc.files {
				tree[file] = &fstest.MapFile{Data: []byte(text)}
			}
			got, err := c.check(tree)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}
