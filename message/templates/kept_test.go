package templates

import (
	"runtime"
	"strings"
	"testing"
	text "text/template"
	"weak"

	"github.com/depeche-mail/depeche/message"
)

// TestPiecesEndWithTheirTemplate: a program that parses a template for each mail keeps none of them.
func TestPiecesEndWithTheirTemplate(t *testing.T) {
	mail := func() weak.Pointer[text.Template] {
		set := Set{Text: text.Must(text.New("").Parse(strings.Repeat("a line\n", 100) + "{{.}}"))}
		if _, err := set.Apply(message.New(), "value"); err != nil {
			t.Fatal(err)
		}
		if known, ok := fixedOf(set.Text); !ok || len(known) != 1 {
			t.Fatalf("%d pieces are known", len(known))
		}
		return weak.Make(set.Text)
	}
	key := mail()
	for is := true; is; { // cleanups run in a goroutine of their own, after a collection
		runtime.GC()
		runtime.Gosched()
		_, is = kept.Load(key)
	}
}
