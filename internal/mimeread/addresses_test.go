package mimeread

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// written returns an address list in a short form: name|address, groups in braces, what can't be read after a bang.
func written(l Addresses) string {
	var parts []string
	one := func(m Mailbox) string {
		if m.Name == "" {
			return m.Address.String()
		}
		return m.Name + "|" + m.Address.String()
	}
	for _, e := range l.Entries {
		if e.Group == nil {
			parts = append(parts, one(e.Mailbox))
			continue
		}
		var members []string
		for _, m := range e.Group.Members {
			members = append(members, one(m))
		}
		parts = append(parts, e.Group.Name+"{"+strings.Join(members, " ")+"}")
	}
	for _, u := range l.Unreadable {
		parts = append(parts, fmt.Sprintf("!%d %s", u.Index, u.Text))
	}
	return strings.Join(parts, ", ")
}

// TestWhyUnreadable: the reason says what is wrong, in the words of the reader of the text.
func TestWhyUnreadable(t *testing.T) {
	for in, want := range map[string]string{
		"<a@x.example> <b@x.example>":     "more than one address",
		"A <a@x.example> B <b@x.example>": "more than one address",
		"a@x.example b@x.example":         "more than one @",
		"A <>":                            "nothing between the angle brackets",
		"a@x.example@y.example":           "more than one @",
		"just a name":                     "an address without @",
		"@x.example":                      "an empty local part or domain",
	} {
		l := ParseAddresses(in, "")
		if len(l.Unreadable) != 1 || l.Unreadable[0].Reason != want || len(l.Entries) != 0 {
			t.Errorf("%q: %+v, want the reason %q", in, l, want)
		}
	}
}

// TestParseAddresses: what names and addresses are read, and what is not.
func TestParseAddresses(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"nothing":                           {"", ""},
		"one":                               {"a@x.example", "a@x.example"},
		"empty elements":                    {"a@x.example, , b@x.example,,c@x.example,", "a@x.example, b@x.example, c@x.example"},
		"RFC 5322 A.6.1":                    {`Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example`, "Mary Smith|mary@example.net, jdoe@test.example"},
		"RFC 5322 A.1.2":                    {`Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>`, "Mary Smith|mary@x.test, jdoe@example.org, Who?|one@y.test"},
		"RFC 5322 A.1.2, Cc":                {`<boss@nil.test>, "Giant; \"Big\" Box" <sysservices@example.net>`, `boss@nil.test, Giant; "Big" Box|sysservices@example.net`},
		"RFC 5322 A.1.3":                    {`A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;`, "A Group{Ed Jones|c@a.test joe@where.test John|jdoe@one.test}"},
		"RFC 5322 A.5":                      {`Pete(A nice \) chap) <pete(his account)@silly.test(his host)>`, "Pete|pete@silly.test"},
		"RFC 5322 A.5, To":                  {`A Group(Some people) :Chris Jones <c@(Chris's host.)public.example>, joe@example.org, John <jdoe@one.test> (my dear friend); (the end of the group)`, "A Group{Chris Jones|c@public.example joe@example.org John|jdoe@one.test}"},
		"RFC 5322 A.5, Cc":                  {`(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;`, "Hidden recipients{}"},
		"RFC 5322 A.6.1, From":              {`Joe Q. Public <john.q.public@example.com>`, "Joe Q. Public|john.q.public@example.com"},
		"semicolons":                        {"a@x.example; b@x.example;", "a@x.example, b@x.example"},
		"an address as the name":            {"b@x.example <b@x.example>", "b@x.example|b@x.example"},
		"brackets in the name":              {"[List] Name <b@x.example>", "[List] Name|b@x.example"},
		"an open bracket in the name":       {"[List Name <b@x.example>, c@x.example", "[List Name|b@x.example, c@x.example"},
		"unclosed quote":                    {`"Doe, John <j@x.example>, b@x.example`, "Doe, John|j@x.example, b@x.example"},
		"unclosed quote at the end":         {`a@x.example, "Bob, c@x.example`, "a@x.example, c@x.example, !1 \"Bob"},
		"unclosed quote before an address":  {`"Bob, c@x.example, D <d@x.example>`, "c@x.example, D|d@x.example, !0 \"Bob"},
		"quote that swallows an address":    {`"A <a@x.example>, "B" <b@x.example>`, `!0 "A <a@x.example>, "B" <b@x.example>`},
		"quotes that swallow two":           {`"A <a@x.example>, "B" <b@x.example>, "C <c@x.example>`, `!0 "A <a@x.example>, "B" <b@x.example>, "C <c@x.example>`},
		"address in a quoted name":          {`"A <a@x.example>, B" <b@x.example>`, `A <a@x.example>, B|b@x.example`},
		"dots of Japanese mobile addresses": {"a..b@m.example, .c@m.example, d.@m.example", `"a..b"@m.example, ".c"@m.example, "d."@m.example`},
		"group with a bad member":           {"G: a@x.example, nobody, b@x.example;, c@x.example", "G{a@x.example b@x.example}, c@x.example, !1 nobody"},
		"group without its end":             {"G: a@x.example, b@x.example", "G{a@x.example b@x.example}"},
		"group in a group":                  {"G: a@x.example, H: b@x.example;;", "G{a@x.example}, H{b@x.example}"},
		"two groups":                        {"G: a@x.example;, H:;", "G{a@x.example}, H{}"},
		"undisclosed":                       {"undisclosed-recipients:;", "undisclosed-recipients{}"},
		"undisclosed, without the end":      {"undisclosed-recipients:", "undisclosed-recipients{}"},
		"mailto":                            {"mailto:a@x.example, mailto:b@x.example", "a@x.example, b@x.example"},
		"name in a comment":                 {"a@x.example (Old Style)", "Old Style|a@x.example"},
		"encoded name in a comment":         {"a@x.example (=?utf-8?q?Zo=C3=AB?=)", "Zoë|a@x.example"},
		"encoded name":                      {"=?iso-8859-1?q?Zo=EB?= =?utf-8?q?_M?= <z@x.example>", "Zoë M|z@x.example"},
		"encoded name with a comma":         {"=?utf-8?q?Doe, John?= <j@x.example>", "Doe, John|j@x.example"},
		"encoded name in quotes":            {`"=?utf-8?q?Zo=C3=AB?=" <z@x.example>`, "Zoë|z@x.example"},
		"encoded address":                   {"=?utf-8?q?a=40x.example?=", "!0 =?utf-8?q?a=40x.example?="},
		"raw name in Latin-1":               {"Zo\xeb <z@x.example>", "Zoë|z@x.example"},
		"raw local part in Latin-1":         {"zo\xeb@x.example", "!0 zo\xeb@x.example"},
		"local part in UTF-8":               {"zoë@x.example", "zoë@x.example"},
		"domain in UTF-8":                   {"a@bücher.example", "a@xn--bcher-kva.example"},
		"trailing dot of a domain":          {"a@x.example.", "a@x.example"},
		"literals":                          {"a@[192.0.2.1], b@[IPv6:2001:db8::1]", "a@[192.0.2.1], b@[IPv6:2001:db8::1]"},
		"quoted local part":                 {`"a b"@x.example, "c"."d"@x.example`, `"a b"@x.example, c.d@x.example`},
		"blanks around everything":          {" a . b @ x . example ( c ) ", "c|a.b@x.example"},
		"two addresses without a comma":     {"a@x.example b@x.example", "!0 a@x.example b@x.example"},
		"two in brackets without a comma":   {"<a@x.example> <b@x.example>", "!0 <a@x.example> <b@x.example>"},
		"two in one pair of brackets":       {"<a@x.example, b@x.example>", "a@x.example, b@x.example"},
		"words before an address":           {"Name a@x.example", "!0 Name a@x.example"},
		"name after the address":            {"<a@x.example> Name", "Name|a@x.example"},
		"bracket not closed":                {"A <a@x.example, B <b@x.example>", "A|a@x.example, B|b@x.example"},
		"brackets twice":                    {"A <<a@x.example>>", "A|a@x.example"},
		"bracket not opened":                {"a@x.example>, b@x.example", "a@x.example, b@x.example"},
		"empty brackets":                    {"A <>, b@x.example", "b@x.example, !0 A <>"},
		"comment not closed":                {"a@x.example (c, b@x.example", "b@x.example, !0 a@x.example (c"},
		"two at signs":                      {"a@b@x.example", "!0 a@b@x.example"},
		"no domain":                         {"<c@, d@x.example", "d@x.example, !0 <c@"},
		"no at sign":                        {"nobody", "!0 nobody"},
		"underscore in the domain":          {"a@x_y.example", "!0 a@x_y.example"},
		"backslash":                         {`a\@b@x.example`, `!0 a\@b@x.example`},
		"control":                           {"a\x00b@x.example", "!0 a\x00b@x.example"},
		"controls in a name":                {"=?utf-8?q?a=0D=0ABcc:_b?= <a@x.example>", "a  Bcc: b|a@x.example"},
		"only a comment":                    {"(no one), a@x.example", "a@x.example"},
		"colon after an address":            {"a@x.example: b@x.example", "!0 a@x.example: b@x.example"},
		"source route":                      {"<@r.example,@s.example:a@x.example>", "a@x.example"},
		"tabs and folds":                    {"a@x.example,\t\tB\t <b@x.example>", "a@x.example, B|b@x.example"},
		"single quotes":                     {"'a@x.example'", "!0 'a@x.example'"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := written(ParseAddresses(tc.in, "")); got != tc.want {
				t.Errorf("%s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestNoAddressIsLost writes good addresses in all the ways that the obsolete syntax allows: as many come back.
func TestNoAddressIsLost(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(choices ...string) string { return choices[random.IntN(len(choices))] }
	blank := func() string { return pick("", "", " ", "\t", " (c) ", "(a (b) c)", " (\\))", "  ") }
	for range 3000 {
		var list strings.Builder
		var want []string
		open := false
		for i := range 1 + random.IntN(8) {
			for random.IntN(3) == 0 {
				list.WriteString(blank() + ",")
			}
			if !open && random.IntN(5) == 0 {
				list.WriteString(blank() + pick("Group", `"G; r"`, "A B", "=?utf-8?q?G?=") + blank() + ":")
				open = true
			}
			address := fmt.Sprintf("%s%d@%s", pick("a", "a.b", "c+d", "x_y"), i, pick("x.example", "y.test"))
			want = append(want, address)
			spread := strings.ReplaceAll(strings.ReplaceAll(address, ".", blank()+"."+blank()), "@", blank()+"@"+blank())
			name := pick("Name", `"N, <n@x.example>"`, "=?utf-8?q?N=2C?=", "[N]", "J. R.", "n@x.example", "Nämé", "")
			switch random.IntN(3) {
			case 0:
				list.WriteString(blank() + spread + blank())
			case 1:
				list.WriteString(blank() + name + " <" + spread + ">" + blank())
			default:
				list.WriteString(blank() + name + " <" + pick("@r.example:", "@r.example,@s.example:") + spread + blank() + ">" + blank())
			}
			if open && random.IntN(3) == 0 {
				list.WriteString(";")
				open = false
			}
			list.WriteString(pick(",", ", ", ",,"))
		}
		got := ParseAddresses(list.String(), "")
		var addresses []string
		for _, m := range got.Mailboxes() {
			addresses = append(addresses, m.Address.String())
		}
		if strings.Join(addresses, " ") != strings.Join(want, " ") || len(got.Unreadable) > 0 {
			t.Fatalf("%q\nreads as %s, %v\nwant     %s", list.String(), addresses, got.Unreadable, want)
		}
	}
}
