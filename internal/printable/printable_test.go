package printable_test

import (
	"testing"

	"github.com/depeche-mail/depeche/internal/printable"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"plain text ~":                 "plain text ~",
		"grüß dich":                    "grüß dich",
		"a\x00b\x1bc\td\x7fe":          "a?b?c?d?e",
		"a\xffb\xc3":                   "a?b?",
		"a\u0085b\u2028c\u202ed":       "a?b?c?d",
		"a\ufffdb\ufeffc\u200bd\u00ad": "a?b?c?d?",
	} {
		if got := printable.Text(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
