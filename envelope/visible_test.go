package envelope_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
)

// TestDomainsAsTyped: what RFC 5891 section 5.2 lets a program change before IDNA is changed.
func TestDomainsAsTyped(t *testing.T) {
	for in, want := range map[string]string{
		"bu\u0308cher.example":  "xn--bcher-kva.example", // not in form C
		"ＥＸＡＭＰＬＥ．org":           "example.org",
		"例え。example":            "xn--r8jz45g.example",
		"例え｡example":            "xn--r8jz45g.example",
		"BÜCHER.example":        "xn--bcher-kva.example",
		"\u212bngstrom.example": "xn--ngstrom-dxa.example", // the Angstrom sign is a letter of its own
	} {
		a, err := envelope.NewAddress("a", in)
		if err != nil || a.Domain() != want {
			t.Errorf("%s: %s, %v; want %s", in, a.Domain(), err, want)
		}
	}
}

// TestUnseenCharacters: a local part holds nothing that people can't see. The reason names the code point.
func TestUnseenCharacters(t *testing.T) {
	for _, r := range []rune{0x80, 0x85, 0x9f, 0xa0, 0xad, 0x200b, 0x200e, 0x2028, 0x2029, 0x202e, 0x2060, 0x2066, 0x3000, 0xfeff} {
		_, err := envelope.NewAddress("a"+string(r)+"b", "example.org")
		var parse *envelope.ParseError
		if !errors.As(err, &parse) || !strings.Contains(parse.Reason, "U+") {
			t.Errorf("%U: %v", r, err)
		}
	}
	for in, want := range map[string]bool{
		"नमस्\u200dते": true, "زوج\u200cها": true, "a\u200c": false, "نامه\u200cای": true, "a\u200db": false, "a\u200cb": false, "jörg": true, "用户": true, "e\u0301": true,
	} {
		if _, err := envelope.NewAddress(in, "example.org"); (err == nil) != want {
			t.Errorf("%q: %v", in, err)
		}
	}
}
