package xtext_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/xtext"
)

var (
	hexchar  = regexp.MustCompile(`\+([0-9A-F]{2})`)
	form     = regexp.MustCompile(`^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$`)
	embedded = regexp.MustCompile(`\\x\{([0-9A-F]+)\}`)
	// The grammar of RFC 6533 section 3 letter by letter.
	hexpoint = `(?:[01][1-9]|10|20|2B|3D|7F|5C|[89A-F][0-9A-F]|[1-9A-F][0-9A-F]{2}|[1-9A-CE-F][0-9A-F]{3}|D[0-7][0-9A-F]{2}|[1-9A-F][0-9A-F]{4}|10[0-9A-F]{4})`
	utf8form = regexp.MustCompile(`^(?:[!-*,-<>-\[\]-~]|\\x\{` + hexpoint + `\})*$`)
	uniform  = regexp.MustCompile(`^(?:[!-*,-<>-\[\]-~]|[^\x00-\x7f]|\\x\{` + hexpoint + `\})*$`)
)

// replaced decodes with a regular expression and fmt: the oracle of the decoders.
func replaced(form *regexp.Regexp, s string, char func(int) string) string {
	return form.ReplaceAllStringFunc(s, func(escape string) string {
		n, _ := strconv.ParseInt(strings.Trim(escape, `+\x{}`), 16, 64)
		return char(int(n))
	})
}

func octet(n int) string     { return string([]byte{byte(n)}) }
func character(n int) string { return fmt.Sprintf("%c", n) }

func TestXtext(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abc": "abc", "a+b=c": "a+2Bb+3Dc", "a b": "a+20b", "\r\n": "+0D+0A", "<>": "<>", "ü": "+C3+BC", "\x7f": "+7F",
		`"a b"@example.org`: `"a+20b"@example.org`,
	} {
		if got := string(xtext.Append(nil, in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for _, in := range []string{"+", "+4", "+2b", "+GG", "a=b", "a b", "ü", "a\r", "\x7f"} {
		if got, err := xtext.Decode(in); err == nil {
			t.Errorf("%q was decoded to %q", in, got)
		}
	}
}

func TestUTF8Address(t *testing.T) {
	for in, want := range map[string][2]string{
		"a@example.org":    {"a@example.org", "a@example.org"},
		"ü@example.org":    {`\x{FC}@example.org`, "ü@example.org"},
		"😀+=\\ @x":         {`\x{1F600}\x{2B}\x{3D}\x{5C}\x{20}@x`, `😀\x{2B}\x{3D}\x{5C}\x{20}@x`},
		"\t\x7f":           {`\x{09}\x{7F}`, `\x{09}\x{7F}`},
		"\U0010ffff\u00a0": {`\x{10FFFF}\x{A0}`, "\U0010ffff\u00a0"},
	} {
		if got := string(xtext.AppendUTF8(nil, in)); got != want[0] {
			t.Errorf("%q as xtext: %q, want %q", in, got, want[0])
		}
		if got := string(xtext.AppendUnitext(nil, in)); got != want[1] {
			t.Errorf("%q as unitext: %q, want %q", in, got, want[1])
		}
	}
	for _, in := range []string{`\`, `\x`, `\x{}`, `\x{4}`, `\x{41}`, `\x{fc}`, `\x{0FC}`, `\x{D800}`, `\x{110000}`, `\x{FC`, "+", "=", " ", "\n", "\xff", `\x{+C}`, `\x{00}`, `\x{0D}`, `\x{0A}`} {
		if got, err := xtext.DecodeUTF8(in); err == nil {
			t.Errorf("%q was decoded to %q", in, got)
		}
	}
}

func FuzzXtext(f *testing.F) {
	f.Add("a+b=c d\r\n\xffü")
	f.Fuzz(func(t *testing.T, s string) {
		encoded := string(xtext.Append(nil, s))
		if !form.MatchString(encoded) || replaced(hexchar, encoded, octet) != s {
			t.Errorf("%q went out as %q", s, encoded)
		}
		if back, err := xtext.Decode(encoded); err != nil || back != s {
			t.Errorf("%q came back as %q, %v", s, back, err)
		}
		got, err := xtext.Decode(s)
		if (err == nil) != form.MatchString(s) || err == nil && got != replaced(hexchar, s, octet) {
			t.Errorf("%q was decoded to %q, %v", s, got, err)
		}
	})
}

func FuzzUTF8Address(f *testing.F) {
	f.Add("ü+=\\ 😀@x")
	f.Add(`\x{FC}\x{1F600}\x{2B}`)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := xtext.DecodeUTF8(s)
		if valid := uniform.MatchString(s) && utf8.ValidString(s); (err == nil) != valid || valid && got != replaced(embedded, s, character) {
			t.Errorf("%q was decoded to %q, %v", s, got, err)
		}
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
			return // RFC 6533 has no form for most control characters
		}
		for form, encoded := range map[*regexp.Regexp]string{
			utf8form: string(xtext.AppendUTF8(nil, s)),
			uniform:  string(xtext.AppendUnitext(nil, s)),
		} {
			if replaced(embedded, encoded, character) != s || !form.MatchString(encoded) {
				t.Errorf("%q went out as %q", s, encoded)
			}
		}
	})
}
