package envelope_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/google/go-cmp/cmp"
)

func TestParseAddress(t *testing.T) {
	cases := []struct {
		in, local, domain string
		print             string // "" when it prints as in
		utf8              bool
	}{
		{in: "user@example.org", local: "user", domain: "example.org"},
		{in: "User.Name+tag@Example.ORG", local: "User.Name+tag", domain: "example.org", print: "User.Name+tag@example.org"},
		{in: `"a b"@example.org`, local: "a b", domain: "example.org"},
		{in: `"plain"@example.org`, local: "plain", domain: "example.org", print: "plain@example.org"},
		{in: `"q\"\\"@example.org`, local: `q"\`, domain: "example.org"},
		{in: `"a@evil.example x"@example.org`, local: "a@evil.example x", domain: "example.org"},
		{in: `".dots..inside."@example.org`, local: ".dots..inside.", domain: "example.org"},
		{in: "user@[192.0.2.1]", local: "user", domain: "[192.0.2.1]"},
		{in: "user@[ipv6:2001:DB8::1]", local: "user", domain: "[IPv6:2001:db8::1]", print: "user@[IPv6:2001:db8::1]"},
		{in: "user@bücher.example", local: "user", domain: "xn--bcher-kva.example", print: "user@xn--bcher-kva.example"},
		{in: "user@BÜCHER.example", local: "user", domain: "xn--bcher-kva.example", print: "user@xn--bcher-kva.example"},
		{in: "用户@example.org", local: "用户", domain: "example.org", utf8: true},
	}
	for _, tc := range cases {
		t.Run(tc.in, func(t *testing.T) {
			a, err := envelope.ParseAddress(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if a.LocalPart() != tc.local || a.Domain() != tc.domain || a.NeedsSMTPUTF8() != tc.utf8 {
				t.Errorf("got %q at %q, UTF-8 %v", a.LocalPart(), a.Domain(), a.NeedsSMTPUTF8())
			}
			want := tc.print
			if want == "" {
				want = tc.in
			}
			if a.String() != want {
				t.Errorf("prints as %s, want %s", a, want)
			}
			again, err := envelope.ParseAddress(a.String())
			if err != nil || again != a {
				t.Errorf("canonical form reads back as %v, %v", again, err)
			}
			made, err := envelope.NewAddress(a.LocalPart(), a.Domain())
			if err != nil || made != a {
				t.Errorf("NewAddress gives %v, %v", made, err)
			}
		})
	}
}

func TestParseAddressRefuses(t *testing.T) {
	cases := map[string]string{
		"":                                       "expected a local part",
		"user":                                   "expected @",
		"@example.org":                           "expected a local part",
		"user@":                                  "empty domain",
		" user@example.org":                      "expected a local part",
		"user@example.org ":                      "character ' ' not allowed in a domain",
		"user@example.org,b@c.example":           "character ',' not allowed in a domain",
		"<user@example.org>":                     "expected a local part",
		"a..b@example.org":                       "expected a local part",
		".a@example.org":                         "expected a local part",
		"a.@example.org":                         "expected a local part",
		"a b@example.org":                        "expected @",
		"a@b@example.org":                        "character '@' not allowed in a domain",
		`"open@example.org`:                      "unfinished quoted local part",
		`"open\`:                                 "unfinished escape",
		`""@example.org`:                         "empty local part",
		"\"a\r\nb\"@example.org":                 "control character in local part",
		"\"a\x00\"@example.org":                  "control character in local part",
		"\xff@example.org":                       "local part is not valid UTF-8",
		"a@exa mple.org":                         "character ' ' not allowed in a domain",
		"a@x> NOTIFY=NEVER ORCPT=rfc822;z":       "character '>' not allowed in a domain",
		"a@example..org":                         "empty label in domain",
		"a@example.org.":                         "empty label in domain",
		"a@-example.org":                         "domain label begins or ends with a hyphen",
		"a@under_score.org":                      "character '_' not allowed in a domain",
		"a@[300.1.1.1]":                          "not an IPv4 or IPv6 address literal",
		"a@[192.0.2.1":                           "not an IPv4 or IPv6 address literal",
		"a@[IPv6:192.0.2.1]":                     "not an IPv4 or IPv6 address literal",
		"a@[IPv6:fe80::1%eth0]":                  "not an IPv4 or IPv6 address literal",
		"a@\u212aexample.org":                    "not a valid internationalized domain name", // the Kelvin sign
		"a@x\u200by.org":                         "character U+200B in domain, which people can't see",
		"a@xn--zzzzzz99999.org":                  "not a valid internationalized domain name",
		strings.Repeat("a", 65) + "@b.org":       "local part longer than 64 octets",
		"a@" + strings.Repeat("b", 64) + ".org":  "domain label longer than 63 octets",
		"a@" + strings.Repeat("b.", 126) + "org": "longer than 254 octets",
		"a@" + strings.Repeat("b.", 128) + "org": "domain longer than 255 octets",
		strings.Repeat("a", 31) + "@" + strings.Repeat("b.", 112) + "org": "longer than 254 octets",
		"a@" + strings.Repeat("ü", 5000) + ".org":                         "domain longer than 255 octets",
		`"` + strings.Repeat(`\"`, 40) + `"` + "@example.org":             "local part longer than 64 octets",
		`"` + strings.Repeat("a", 62) + ` "` + "@example.org":             "local part longer than 64 octets", // 65 with its quotes
	}
	for in, want := range cases {
		t.Run(in, func(t *testing.T) {
			a, err := envelope.ParseAddress(in)
			var parse *envelope.ParseError
			if !errors.As(err, &parse) || a != (envelope.Address{}) {
				t.Fatalf("got %v, %v; want a ParseError", a, err)
			}
			if parse.Reason != want {
				t.Errorf("reason %q, want %q", parse.Reason, want)
			}
			if len(err.Error()) > 500 {
				t.Errorf("error text of %d octets", len(err.Error()))
			}
		})
	}
}

func TestAddressesCompare(t *testing.T) {
	parse := func(s string) envelope.Address {
		a, err := envelope.ParseAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if parse("a@BÜCHER.example") != parse("a@xn--BCHER-kva.EXAMPLE") {
		t.Error("one domain in two forms differs")
	}
	if parse("a@example.org") == parse("A@example.org") {
		t.Error("local parts are case-sensitive, but these compare equal")
	}
}

func TestAddressText(t *testing.T) {
	type record struct{ A, B envelope.Address }
	text, err := json.Marshal(record{A: mustParse(t, `"x y"@example.org`)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"A":"\"x y\"@example.org","B":""}`, string(text)); diff != "" {
		t.Error(diff)
	}
	var back record
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.A != mustParse(t, `"x y"@example.org`) || !back.B.IsNull() {
		t.Errorf("read back as %+v", back)
	}
	if err := json.Unmarshal([]byte(`{"A":"no address"}`), &back); err == nil {
		t.Error("an address that is none was accepted")
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"a@b.org", `"a b"@[IPv6:::1]`, "ü@ü.org", `"\"@x`, "a@xn--a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		a, err := envelope.ParseAddress(in)
		if err != nil {
			return
		}
		s := a.String()
		if strings.ContainsAny(s, "\r\n\x00") {
			t.Fatalf("%q prints with a control character: %q", in, s)
		}
		if again, err := envelope.ParseAddress(s); err != nil || again != a {
			t.Fatalf("%q prints as %q, which reads as %v, %v", in, s, again, err)
		}
	})
}

func mustParse(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
