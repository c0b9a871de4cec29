package envelope_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
)

func TestForms(t *testing.T) {
	for in, want := range map[string]struct {
		ascii   string
		ok      bool
		unicode string
	}{
		"a@example.org":          {"a@example.org", true, "a@example.org"},
		"a@BÜCHER.example":       {"a@xn--bcher-kva.example", true, "a@bücher.example"},
		"ü@bücher.example":       {"", false, "ü@bücher.example"},
		`"a b"@xn--bcher-kva.de`: {`"a b"@xn--bcher-kva.de`, true, `"a b"@bücher.de`},
		"a@[IPv6:2001:db8::1]":   {"a@[IPv6:2001:db8::1]", true, "a@[IPv6:2001:db8::1]"},
	} {
		a := mustParse(t, in)
		ascii, ok := a.ASCII()
		if ascii != want.ascii || ok != want.ok || a.Unicode() != want.unicode {
			t.Errorf("%s: ASCII %q, %v; Unicode %q", in, ascii, ok, a.Unicode())
		}
		if back := mustParse(t, a.Unicode()); back != a {
			t.Errorf("%s: %s reads as %v", in, a.Unicode(), back)
		}
	}
}

func TestCompare(t *testing.T) {
	list := []envelope.Address{mustParse(t, "b@b.org"), mustParse(t, "z@a.org"), mustParse(t, "a@b.org"), {}}
	slices.SortFunc(list, envelope.Address.Compare)
	if list[0] != (envelope.Address{}) || list[1].Domain() != "a.org" || list[2].LocalPart() != "a" || list[3].LocalPart() != "b" {
		t.Errorf("sorted %v", list)
	}
	if list[2].Compare(list[2]) != 0 {
		t.Error("an address differs from itself")
	}
}

// TestLettersThatLookLikeASCII: some letters have lower-case forms in ASCII; mail to them goes nowhere else.
func TestLettersThatLookLikeASCII(t *testing.T) {
	for _, in := range []string{"a@\u212aernel.org", "c@\u0130bm.com", "d@ex\u017fample.org"} {
		if a, err := envelope.ParseAddress(in); err == nil && !strings.Contains(a.Domain(), "xn--") {
			t.Errorf("%q became %v", in, a)
		}
	}
}
