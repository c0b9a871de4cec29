package oddmail

const (
	obsolete = "RFC 5322 section 4.4: obsolete syntax that must be read"
	seen     = "programs write it, and it can mean one thing only"
	unsure   = "it can mean several recipients or none: leniency may not choose who receives"
)

// addresses are forms of address lists.
func addresses() []Mail {
	var list []Mail
	for _, x := range []struct{ name, why, value, want string }{
		{"empty element", obsolete, "a@x.example, , b@x.example", "a@x.example b@x.example"},
		{"empty elements at the edges", obsolete, ",,a@x.example,,", "a@x.example"},
		{"RFC 5322 A.6.1", obsolete, "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example", "mary@example.net jdoe@test.example"},
		{"RFC 5322 A.5 group", "RFC 5322 appendix A.5", "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)", "c@public.example joe@example.org jdoe@one.test"},
		{"RFC 5322 A.1.2", "RFC 5322 appendix A.1.2", "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>", "mary@x.test jdoe@example.org one@y.test"},
		{"RFC 5322 A.1.3", "RFC 5322 appendix A.1.3", "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;", "c@a.test joe@where.test jdoe@one.test"},
		{"source route", obsolete, "<@r.example,@s.example:a@x.example>", "a@x.example"},
		{"source route with empty elements", obsolete, "<@r.example,,@s.example:a@x.example>", "a@x.example"},
		{"blanks around dots", obsolete, "a . b @ x . example", "a.b@x.example"},
		{"comments around dots", obsolete, "a(c).(d)b@(e)x.example(f)", "a.b@x.example"},
		{"nested comments", "RFC 5322 section 3.2.2", "a@x.example (one (two (three)))", "a@x.example"},
		{"comma in a comment", "RFC 5322 section 3.2.2", "a@x.example (b@x.example, c@x.example)", "a@x.example"},
		{"parenthesis in a comment", "RFC 5322 section 3.2.2", `a@x.example (a nice \) chap)`, "a@x.example"},
		{"quoted words of a local part", obsolete, `"a"."b"@x.example`, "a.b@x.example"},
		{"quoted local part", "RFC 5322 section 3.4.1", `"a b"@x.example`, `"a b"@x.example`},
		{"at sign in a local part", "RFC 5322 section 3.4.1", `"a@b"@x.example`, `"a@b"@x.example`},
		{"comma in a name", "RFC 5322 section 3.2.5", `"A, B" <a@x.example>`, "a@x.example"},
		{"address in a name", "RFC 5322 section 3.2.5", `"b@x.example, c" <a@x.example>`, "a@x.example"},
		{"dots in a phrase", obsolete, "J. R. X. T. <a@x.example>", "a@x.example"},
		{"folds", "RFC 5322 section 2.2.3", "a@x.example,\r\n\tB\r\n <b@x.example>", "a@x.example b@x.example"},
		{"line of blanks", "RFC 5322 section 4.2", "a@x.example,\r\n \r\n b@x.example", "a@x.example b@x.example"},
		{"literal", "RFC 5321 section 4.1.3", "a@[192.0.2.1], b@[IPv6:2001:db8::1]", "a@[192.0.2.1] b@[IPv6:2001:db8::1]"},
		{"group and mailbox", "RFC 5322 section 3.4", "G: a@x.example;, b@x.example", "a@x.example b@x.example"},
		{"two groups", "RFC 5322 section 3.4", "G: a@x.example;, H: b@x.example;", "a@x.example b@x.example"},
		{"empty group", "RFC 5322 section 3.4", "G:;, b@x.example", "b@x.example"},
		{"group of empty elements", obsolete, "G:,,a@x.example,,;", "a@x.example"},
		{"group without its end", seen, "G: a@x.example, b@x.example", "a@x.example b@x.example"},
		{"group in a group", seen, "G: a@x.example, H: b@x.example;;", "a@x.example b@x.example"},
		{"semicolons", seen, "a@x.example; b@x.example;", "a@x.example b@x.example"},
		{"semicolon and comma", seen, "a@x.example;, b@x.example", "a@x.example b@x.example"},
		{"the address as the name", seen, "b@x.example <b@x.example>", "b@x.example"},
		{"another address as the name", seen, "a@x.example <b@x.example>", "b@x.example"},
		{"brackets in a name", seen, "[List] Name <b@x.example>", "b@x.example"},
		{"open bracket in a name", seen, "[List Name <b@x.example>, c@x.example", "b@x.example c@x.example"},
		{"unclosed quote before a bracket", seen, `"Doe, John <j@x.example>, b@x.example`, "j@x.example b@x.example"},
		{"Japanese mobile, two dots", seen, "a..b@m.example", `"a..b"@m.example`},
		{"Japanese mobile, last dot", seen, "a.@m.example", `"a."@m.example`},
		{"Japanese mobile, first dot", seen, ".a@m.example", `".a"@m.example`},
		{"angle brackets twice", seen, "A <<a@x.example>>", "a@x.example"},
		{"angle bracket not closed", seen, "A <a@x.example, B <b@x.example>", "a@x.example b@x.example"},
		{"angle bracket not opened", seen, "a@x.example>, b@x.example", "a@x.example b@x.example"},
		{"name after the address", seen, "<a@x.example> Name", "a@x.example"},
		{"mailto", seen, "mailto:a@x.example", "a@x.example"},
		{"two in one pair of brackets", seen, "<a@x.example, b@x.example>", "a@x.example b@x.example"},
		{"trailing dot of a domain", seen, "a@x.example.", "a@x.example"},
		{"encoded name with a comma", seen, "=?utf-8?q?Doe, John?= <j@x.example>", "j@x.example"},
		{"raw octets in a name", seen, "J\xf6rg <j@x.example>", "j@x.example"},
		{"domain in UTF-8", "RFC 6532 section 3.2", "a@b\u00fccher.example", "a@xn--bcher-kva.example"},
		{"same address twice", "RFC 5321 section 3.6.1: a recipient gets a mail once", "a@x.example, A <a@x.example>", "a@x.example"},
		{"no at sign", unsure, "a@x.example, bob", ""},
		{"two without a comma", unsure, "a@x.example b@x.example", ""},
		{"two brackets without a comma", unsure, "<a@x.example> <b@x.example>", ""},
		{"words before an address", unsure, "Name a@x.example", ""},
		{"member without at sign", unsure, "G: a@x.example, b;", ""},
		{"quote that swallows an address", unsure, `"A <a@x.example>, "B" <b@x.example>`, ""},
		{"quotes that swallow two", unsure, `"A <a@x.example>, "B" <b@x.example>, "C <c@x.example>`, ""},
		{"unclosed comment", unsure, "a@x.example (c, b@x.example", ""},
		{"unclosed quote", unsure, `a@x.example, "b, c@x.example`, ""},
		{"empty brackets", unsure, "A <>, b@x.example", ""},
		{"two at signs", unsure, "a@b@x.example", ""},
		{"encoded address", unsure, "=?utf-8?q?a=40x.example?=", ""},
		{"raw octets in a local part", unsure, "j\xf6rg@x.example", ""},
		{"underscore in a domain", unsure, "a@x_y.example", ""},
		{"control in an address", unsure, "a\x01b@x.example", ""},
		{"empty domain", unsure, "a@, b@x.example", ""},
	} {
		w := usual()
		w.To = x.want
		list = append(list, Mail{"address: " + x.name, x.why, usualFrom + "To: " + x.value + "\r\nSubject: odd\r\n\r\nbody\r\n", w})
	}
	return append(list, recipients()...)
}

// recipients are combinations of address fields.
func recipients() []Mail {
	var list []Mail
	for _, x := range []struct{ name, fields, want string }{
		{"several To fields", "To: b@x.example\r\nTo: c@x.example\r\n", "b@x.example c@x.example"},
		{"Cc alone", "Cc: b@x.example\r\n", "b@x.example"},
		{"Bcc alone", "Bcc: b@x.example\r\n", "b@x.example"},
		{"all three", "Bcc: d@x.example\r\nTo: b@x.example\r\nCC: c@x.example\r\n", "b@x.example c@x.example d@x.example"},
		{"undisclosed and Bcc", "To: undisclosed-recipients:;\r\nBcc: b@x.example\r\n", "b@x.example"},
		{"blank before the colon", "To : b@x.example\r\n", "b@x.example"},
		{"a lost blank", "To: b@x.example,\r\nc@x.example\r\n", "b@x.example c@x.example"},
		{"bad Cc", "To: b@x.example\r\nCc: c\r\n", ""},
		{"no recipient", "To: undisclosed-recipients:;\r\n", ""},
	} {
		w := usual()
		w.To = x.want
		list = append(list, Mail{"recipients: " + x.name, "RFC 5322 sections 3.6.3 and 4.5: To, Cc and Bcc in order", usualFrom + x.fields + "Subject: odd\r\n\r\nbody\r\n", w})
	}
	return list
}
